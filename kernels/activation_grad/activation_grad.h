// Gradient of an activation function, by a table of its derivative.
#ifndef KERNELS_ACTIVATION_GRAD_ACTIVATION_GRAD_H_
#define KERNELS_ACTIVATION_GRAD_ACTIVATION_GRAD_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as ActivationGrad in converter/ir/gradient_ops.py.
struct ActivationGradOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t elements;       // >= 1
  int32_t gradient_bits;  // 1..15, int8 1..7, of the gradient that is written
  float scale_factor;     // of one unit of `derivative`
};
static_assert(sizeof(ActivationGradOptions) == 4 * 4, "a record of 32-bit words");

// Multiplies a gradient with the derivative at the saved activation.
//
//   gradient   [elements] mantissas
//   scale      of `gradient`; without a gradient nothing is written
//   activation [elements], the function's input or output
//   derivative [256], in units of options.scale_factor; that of the int8 value q is at q + 128
//   result     [elements] mantissas, |m| < 2^gradient_bits, written in ascending order; may be
//              `gradient`, or overlap `activation` as converter/planning/sharing.py allows
//
// Returns the scale of `result`. The caller owns all memory. Constant stack.
// Source: docs/arithmetic.md.
GradientScale ActivationGrad(const ActivationGradOptions& options, Mantissas gradient,
                             GradientScale scale, const int8_t* activation,
                             const int16_t* derivative, MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_ACTIVATION_GRAD_ACTIVATION_GRAD_H_
