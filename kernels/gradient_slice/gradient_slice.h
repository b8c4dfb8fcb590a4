// A box of a gradient: the gradient of PAD and of one input of CONCATENATION.
#ifndef KERNELS_GRADIENT_SLICE_GRADIENT_SLICE_H_
#define KERNELS_GRADIENT_SLICE_GRADIENT_SLICE_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as GradientSlice in converter/ir/training_ops.py.
struct GradientSliceOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t dims[4];   // the shape of the gradient that is read
  int32_t begin[4];  // the first position of the box, >= 0
  int32_t size[4];   // the shape of the box, >= 1, with begin + size <= dims
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(GradientSliceOptions) == 15 * 4, "a record of 32-bit words");

// Copies the box [begin, begin + size).
//
//   gradient [dims] mantissas
//   scale    of `gradient`; without a gradient nothing is written
//   mask     of the box, [size]
//   result   [size] mantissas; may begin where `gradient` begins
//
// Returns the scale of `result`. The caller owns all memory. Constant stack.
// Source: docs/arithmetic.md.
GradientScale GradientSlice(const GradientSliceOptions& options, Mantissas gradient,
                            GradientScale scale, const ActivationMask& mask,
                            MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_GRADIENT_SLICE_GRADIENT_SLICE_H_
