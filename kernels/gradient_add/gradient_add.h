// The sum of two gradients of one tensor that has two consumers.
#ifndef KERNELS_GRADIENT_ADD_GRADIENT_ADD_H_
#define KERNELS_GRADIENT_ADD_GRADIENT_ADD_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as GradientAdd in converter/ir/training_ops.py.
struct GradientAddOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t elements;       // >= 1
  int32_t gradient_bits;  // 1..15, int8 1..7, of the gradient that is written
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(GradientAddOptions) == 5 * 4, "a record of 32-bit words");

// One of the two gradients.
struct GradientTerm {
  Mantissas mantissas;  // [elements]
  GradientScale scale;
};

// a + b. A term without a gradient counts as zero; without both nothing is written.
//
//   mask   of [elements]
//   result [elements] mantissas, |m| < 2^gradient_bits; may be a.mantissas or b.mantissas
//
// Returns the scale of `result`. The caller owns all memory. Constant stack.
// Source: docs/arithmetic.md.
GradientScale GradientAdd(const GradientAddOptions& options, const GradientTerm& a,
                          const GradientTerm& b, const ActivationMask& mask,
                          MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_GRADIENT_ADD_GRADIENT_ADD_H_
