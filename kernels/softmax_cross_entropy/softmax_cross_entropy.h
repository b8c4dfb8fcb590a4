// Softmax and cross entropy of int8 logits with a class label: the loss and its gradient.
#ifndef KERNELS_SOFTMAX_CROSS_ENTROPY_SOFTMAX_CROSS_ENTROPY_H_
#define KERNELS_SOFTMAX_CROSS_ENTROPY_SOFTMAX_CROSS_ENTROPY_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as SoftmaxCrossEntropy in converter/ir/training_ops.py.
struct SoftmaxCrossEntropyOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t classes;           // N >= 1
  int32_t exponential_bits;  // Q, 0..30, with N * 2^Q <= 2^30
  int32_t gradient_bits;     // 1..15, int8 1..7
  int32_t logit_scale_q16;   // >= 0
  float beta;                // > 0, finite
};
static_assert(sizeof(SoftmaxCrossEntropyOptions) == 6 * 4, "a record of 32-bit words");

constexpr int kExponentials = 256;

// The loss -log(softmax(beta * s * logits)[label]) and its gradient with respect to the
// real logits.
//
//   logits        [N] int8
//   label         class index; outside 0..N-1 the loss is 0 and there is no gradient
//   learning_rate unless finite and above zero, there is no gradient
//   exponentials  [256], exponentials[d] = round(2^Q * exp(-beta * s * d)), in 0..2^Q with
//                 exponentials[0] = 2^Q
//   gradient      [N] mantissas, written unless there is no gradient
//   scale         of the gradient, written always
//
// The caller owns all memory. Constant stack. Source: docs/arithmetic.md.
float SoftmaxCrossEntropy(const SoftmaxCrossEntropyOptions& options, const int8_t* logits,
                          int32_t label, float learning_rate, const int32_t* exponentials,
                          MutableMantissas gradient, GradientScale* scale);

}  // namespace tflm_training

#endif  // KERNELS_SOFTMAX_CROSS_ENTROPY_SOFTMAX_CROSS_ENTROPY_H_
