// Gradient of MAX_POOL_2D.
#ifndef KERNELS_MAX_POOL_2D_GRAD_MAX_POOL_2D_GRAD_H_
#define KERNELS_MAX_POOL_2D_GRAD_MAX_POOL_2D_GRAD_H_

#include <cstdint>

#include "kernels/core/gradient.h"
#include "kernels/core/pool.h"

namespace tflm_training {

// The gradient of a window goes to the first of its inputs, row by row, that has the
// largest value.
//
//   gradient [OH, OW, C] mantissas of the pooled map
//   scale    of `gradient`; without a gradient nothing is written
//   input    [H, W, C] saved input map, which is also what mask_min and mask_max apply to
//   result   [H, W, C] mantissas, |m| < 2^gradient_bits; must not overlap `gradient`
//
// Returns the scale of `result`. The caller owns all memory. `options` must be valid
// (IsValid in kernels/core/pool.h). Constant stack. Source: docs/arithmetic.md.
GradientScale MaxPool2DGrad(const PoolGradOptions& options, Mantissas gradient,
                            GradientScale scale, const int8_t* input, MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_MAX_POOL_2D_GRAD_MAX_POOL_2D_GRAD_H_
