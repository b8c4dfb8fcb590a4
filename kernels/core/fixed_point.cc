#include "kernels/core/fixed_point.h"

namespace tflm_training {

int Bits(uint64_t value) {
#if defined(__GNUC__)
  return value == 0 ? 0 : 64 - __builtin_clzll(value);
#else
  int bits = 0;
  for (; value != 0; value >>= 1) ++bits;
  return bits;
#endif
}

float PowerOfTwo(int exponent) {
  const uint32_t word = static_cast<uint32_t>(Clamp(exponent, -126, 127) + 127) << 23;
  float result;
  memcpy(&result, &word, sizeof(result));
  return result;
}

}  // namespace tflm_training
