#include "kernels/sigmoid_cross_entropy/sigmoid_cross_entropy.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/loss.h"

namespace tflm_training {

float SigmoidCrossEntropy(const SigmoidCrossEntropyOptions& options, int8_t logit, int32_t label,
                          float learning_rate, const int32_t* probabilities,
                          MutableMantissas gradient, GradientScale* scale) {
  *scale = {0.0f, 0};
  if (label != 0 && label != 1) return 0.0f;

  constexpr int32_t kOne = int32_t{1} << kProbabilityBits;
  const int32_t probability = probabilities[logit + 128];
  const int32_t right = label == 1 ? probability : kOne - probability;
  const float loss = LossFromQ16(NaturalFromLog2Q16(
      65536 * kProbabilityBits - Log2Q16(static_cast<uint32_t>(Max(right, 1)))));
  const int32_t difference = probability - label * kOne;
  if (difference == 0 || !IsPositive(learning_rate)) return loss;

  const int32_t limit = MantissaLimit(options.gradient_bits);
  gradient.Set(0, difference > 0 ? limit : -limit);
  const int32_t magnitude = difference > 0 ? difference : -difference;
  scale->sigma = static_cast<float>(magnitude) * PowerOfTwo(-kProbabilityBits) /
                 static_cast<float>(limit);
  scale->max_abs = limit;
  return loss;
}

}  // namespace tflm_training
