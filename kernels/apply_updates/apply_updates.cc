// What is done with pending steps.
#include "kernels/apply_updates/apply_updates.h"

#include "kernels/core/fixed_point.h"

namespace tflm_training {

bool CountSample(int32_t samples, int32_t* count) {
  const int32_t before = Clamp(*count, 0, samples - 1);
  const bool is_last = before == samples - 1;
  *count = is_last ? 0 : before + 1;
  return is_last;
}

void ApplyToWeights(UpdateBounds bounds, int32_t elements, TrainedWeights pending,
                    int8_t* weights) {
  constexpr int32_t kOne = 1 << TrainedWeights::kFractionBits;
  const int32_t clamp = bounds.clamp * kOne;
  const int32_t limit = bounds.limit * kOne;
  for (int32_t i = 0; i < elements; ++i) {
    const int32_t step = pending.values[i] * kOne + pending.fractions[i];
    if (step == 0) continue;
    const int32_t sum = Clamp(weights[i] * kOne + Clamp(step, -clamp, clamp), -limit, limit);
    const int32_t weight = RoundingShift32(sum, TrainedWeights::kFractionBits);
    weights[i] = static_cast<int8_t>(weight);
    pending.values[i] = 0;
    pending.fractions[i] = static_cast<int8_t>(sum - weight * kOne);
  }
}

void ApplyToBiases(UpdateBounds bounds, int32_t elements, int32_t* pending, int32_t* biases) {
  for (int32_t i = 0; i < elements; ++i) {
    if (pending[i] == 0) continue;
    const int64_t sum = int64_t{biases[i]} + Clamp(pending[i], -bounds.clamp, bounds.clamp);
    const int64_t limit = bounds.limit;
    biases[i] = static_cast<int32_t>(sum > limit ? limit : sum < -limit ? -limit : sum);
    pending[i] = 0;
  }
}

}  // namespace tflm_training
