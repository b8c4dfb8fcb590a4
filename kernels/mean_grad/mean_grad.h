// Gradient of MEAN.
#ifndef KERNELS_MEAN_GRAD_MEAN_GRAD_H_
#define KERNELS_MEAN_GRAD_MEAN_GRAD_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as MeanGrad in converter/ir/training_ops.py.
struct MeanGradOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t dims[4];     // the full shape, each >= 1
  int32_t reduced[4];  // 1 where the mean runs over the dimension, else 0
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(MeanGradOptions) == 11 * 4, "a record of 32-bit words");

// Every position takes the mantissa of the mean it went into; the scale is divided by the
// number of positions of one mean.
//
//   gradient the mantissas of the means: `dims` without the reduced dimensions
//   scale    of `gradient`; without a gradient nothing is written
//   mask     of the input, [dims]
//   result   [dims] mantissas, written in ascending order; may overlap `gradient` from below
//            as converter/planning/sharing.py allows
//
// Returns the scale of `result`. The caller owns all memory. Constant stack.
// Source: docs/arithmetic.md.
GradientScale MeanGrad(const MeanGradOptions& options, Mantissas gradient,
                       GradientScale scale, const ActivationMask& mask, MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_MEAN_GRAD_MEAN_GRAD_H_
