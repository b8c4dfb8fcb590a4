// Sigmoid and binary cross entropy of one int8 logit: the loss and its gradient.
#ifndef KERNELS_SIGMOID_CROSS_ENTROPY_SIGMOID_CROSS_ENTROPY_H_
#define KERNELS_SIGMOID_CROSS_ENTROPY_SIGMOID_CROSS_ENTROPY_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as SigmoidCrossEntropy in converter/ir/training_ops.py.
struct SigmoidCrossEntropyOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t gradient_bits;  // 1..15, int8 1..7
};
static_assert(sizeof(SigmoidCrossEntropyOptions) == 2 * 4, "a record of 32-bit words");

constexpr int kProbabilities = 256;
constexpr int kProbabilityBits = 30;

// The loss -log(p) for label 1 and -log(1 - p) for label 0 with p = sigmoid(logit), and its
// gradient with respect to the real logit.
//
//   logit         int8
//   label         0 or 1; otherwise the loss is 0 and there is no gradient
//   learning_rate unless finite and above zero, there is no gradient
//   probabilities [256], probabilities[q + 128] = round(2^30 * sigmoid(s * (q - z))), in 0..2^30
//   gradient      [1] mantissa, written unless there is no gradient
//   scale         of the gradient, written always
//
// The caller owns all memory. Constant stack. Source: docs/arithmetic.md.
float SigmoidCrossEntropy(const SigmoidCrossEntropyOptions& options, int8_t logit, int32_t label,
                          float learning_rate, const int32_t* probabilities,
                          MutableMantissas gradient, GradientScale* scale);

}  // namespace tflm_training

#endif  // KERNELS_SIGMOID_CROSS_ENTROPY_SIGMOID_CROSS_ENTROPY_H_
