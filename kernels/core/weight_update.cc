#include "kernels/core/optimize_size.h"

#include "kernels/core/weight_update.h"

namespace tflm_training {
namespace {

int32_t RoundedStep(int32_t acc, const Factor& factor, int32_t clamp) {
  // At a shift of -31 every acc other than 0 gives 2^29 or more.
  const int shift = 32 + Max(factor.shift, -31);
  const int64_t step = RoundingShift(static_cast<int64_t>(acc) * factor.multiplier, shift);
  return static_cast<int32_t>(step > clamp ? clamp : step < -clamp ? -clamp : step);
}

}  // namespace

int32_t Step(int32_t acc, const Factor& factor, int32_t clamp, Random* random) {
  if (factor.shift <= 0) return RoundedStep(acc, factor, clamp);
  return Clamp(StochasticStep(acc, factor, random), -clamp, clamp);
}

}  // namespace tflm_training
