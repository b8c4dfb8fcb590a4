// A gradient where the activation it passes was not clamped.
#ifndef KERNELS_GRADIENT_MASK_GRADIENT_MASK_H_
#define KERNELS_GRADIENT_MASK_GRADIENT_MASK_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as GradientMask in converter/ir/training_ops.py.
struct GradientMaskOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t elements;  // >= 1
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(GradientMaskOptions) == 4 * 4, "a record of 32-bit words");

// Copies a gradient, zero where the mask hides it.
//
//   gradient  [elements] mantissas
//   scale     of `gradient`; without a gradient nothing is written
//   mask      of [elements]
//   result    [elements] mantissas; may be `gradient` itself
//
// Returns the scale of `result`. The caller owns all memory. Constant stack.
// Source: docs/arithmetic.md.
GradientScale GradientMask(const GradientMaskOptions& options, Mantissas gradient,
                           GradientScale scale, const ActivationMask& mask,
                           MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_GRADIENT_MASK_GRADIENT_MASK_H_
