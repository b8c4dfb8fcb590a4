// Gradients of TRANSPOSE_CONV. Formulas: docs/arithmetic.md; shapes and options:
// converter/ir/training_ops.py.
//
// The geometry is that of the layer: its input [H, W, I] is the coarse map, its output [OH, OW, O]
// the fine one, and tap (ky, kx) takes input (y, x) to output
//
//   (y * stride_height - padding_top + ky * dilation_height, x * stride_width - ...)
//
// or nowhere, where that lies outside. TFLite has no dilation here; any is computed.
#ifndef KERNELS_TRANSPOSE_CONV_GRAD_TRANSPOSE_CONV_GRAD_H_
#define KERNELS_TRANSPOSE_CONV_GRAD_TRANSPOSE_CONV_GRAD_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/gradient.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

// Writes dL/d(input), [H, W, I], to `input_gradient` and returns its scale.
//   gradient    [OH, OW, O], scaled by `scale`; scale.max_abs must not be 0
//   filter      int8 [O, KH, KW, k] and [O, KH, KW, I - k], both parts or one
//   multiplier  int16 [O], round(32767 * s_w / max s_w), or nullptr (one scale for all)
//   mask        of the input, [H, W, I]
// The accumulator does not overflow if taps * O * 127 * 2^accumulator_bits <= 2^31 and
// scale.max_abs bounds |gradient|. Less than 600 bytes of stack. The caller owns all memory.
GradientScale TransposeConvInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                                     GradientScale scale, const SplitFilter& filter,
                                     const int16_t* multiplier, ActivationMask mask,
                                     MutableMantissas input_gradient);

// Moves the first `options.channels` input channels of `filter`, int8
// [O, KH, KW, filter_channels], one step against dL/d(filter); the weights stay within +-127.
//   input     int8 [H, W, stored_channels]
//   gradient  [OH, OW, O], scaled by `scale`; scale.max_abs must not be 0
// The accumulator does not overflow if H * W * 255 * scale.max_abs <= 2^31. `random` advances by
// one for each weight that is rounded. Less than 600 bytes of stack. The caller owns all memory.
void TransposeConvFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                               Mantissas gradient, GradientScale scale, const FilterStep& step,
                               TrainedWeights filter, Random* random);

}  // namespace tflm_training

#endif  // KERNELS_TRANSPOSE_CONV_GRAD_TRANSPOSE_CONV_GRAD_H_
