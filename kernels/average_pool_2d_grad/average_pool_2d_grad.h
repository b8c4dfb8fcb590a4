// Gradient of AVERAGE_POOL_2D.
#ifndef KERNELS_AVERAGE_POOL_2D_GRAD_AVERAGE_POOL_2D_GRAD_H_
#define KERNELS_AVERAGE_POOL_2D_GRAD_AVERAGE_POOL_2D_GRAD_H_

#include <cstdint>

#include "kernels/core/gradient.h"
#include "kernels/core/pool.h"

namespace tflm_training {

// Every input takes the gradient of the windows that hold it, each divided by the number of
// inputs of that window that are inside the map.
//
//   gradient [OH, OW, C] mantissas of the pooled map
//   scale    of `gradient`; without a gradient nothing is written
//   mask     of the input map, [H, W, C]
//   result   [H, W, C] mantissas, |m| < 2^gradient_bits
//
// Returns the scale of `result`. The caller owns all memory. `options` must be valid
// (IsValid in kernels/core/pool.h). About 300 bytes of stack. Source: docs/arithmetic.md.
GradientScale AveragePool2DGrad(const PoolGradOptions& options, Mantissas gradient,
                                GradientScale scale, const ActivationMask& mask,
                                MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_AVERAGE_POOL_2D_GRAD_AVERAGE_POOL_2D_GRAD_H_
