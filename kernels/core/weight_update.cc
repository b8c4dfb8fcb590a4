#include "kernels/core/weight_update.h"

namespace tflm_training {

int32_t RoundedStep(int32_t acc, int32_t multiplier, int shift, int32_t clamp) {
  // At a shift of -31 every acc other than 0 gives 2^29 or more.
  shift = 32 + Max(shift, -31);
  const int64_t step = RoundingShift(static_cast<int64_t>(acc) * multiplier, shift);
  return static_cast<int32_t>(step > clamp ? clamp : step < -clamp ? -clamp : step);
}

}  // namespace tflm_training
