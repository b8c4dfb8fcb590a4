#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/loss.h"

namespace tflm_training {
namespace {

// G[i] of docs/arithmetic.md: the gradient times the sum of all exponentials.
int32_t Unscaled(int32_t exponential, int32_t sum, bool is_label) {
  return is_label ? exponential - sum : exponential;
}

}  // namespace

float SoftmaxCrossEntropy(const SoftmaxCrossEntropyOptions& options, const int8_t* logits,
                          int32_t label, float learning_rate, const int32_t* exponentials,
                          MutableMantissas gradient, GradientScale* scale) {
  *scale = {0.0f, 0};
  if (label < 0 || label >= options.classes) return 0.0f;

  int32_t largest = logits[0];
  for (int32_t i = 1; i < options.classes; ++i) largest = Max(largest, logits[i]);
  int32_t sum = 0;
  for (int32_t i = 0; i < options.classes; ++i) sum += exponentials[largest - logits[i]];

  const int64_t loss_q16 =
      NaturalFromLog2Q16(Log2Q16(static_cast<uint32_t>(sum)) - 65536 * options.exponential_bits) +
      int64_t{options.logit_scale_q16} * (largest - logits[label]);
  const float loss = LossFromQ16(loss_q16 > 0 ? loss_q16 : 0);
  if (!IsPositive(learning_rate)) return loss;

  // |G[label]| is the sum of all other exponentials, so it is the largest.
  const int32_t unscaled_max = sum - exponentials[largest - logits[label]];
  if (unscaled_max == 0) return loss;
  const int32_t limit = MantissaLimit(options.gradient_bits);
  const int64_t reciprocal = (int64_t{limit} << 32) / unscaled_max;
  for (int32_t i = 0; i < options.classes; ++i) {
    const int64_t unscaled = Unscaled(exponentials[largest - logits[i]], sum, i == label);
    gradient.Set(i, static_cast<int32_t>(RoundingShift(unscaled * reciprocal, 32)));
  }
  scale->sigma = (options.beta * static_cast<float>(unscaled_max)) /
                 (static_cast<float>(sum) * static_cast<float>(limit));
  scale->max_abs = limit;
  return loss;
}

}  // namespace tflm_training
