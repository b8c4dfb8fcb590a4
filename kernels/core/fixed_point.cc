#include "kernels/core/fixed_point.h"

namespace tflm_training {

float PowerOfTwo(int exponent) {
  const uint32_t word = static_cast<uint32_t>(Clamp(exponent, -126, 127) + 127) << 23;
  float result;
  memcpy(&result, &word, sizeof(result));
  return result;
}

}  // namespace tflm_training
