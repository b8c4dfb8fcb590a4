// Gradients of DEPTHWISE_CONV_2D with any depth multiplier: O = I * M, and output channel o
// reads input channel o / M.
// Formulas: docs/arithmetic.md; shapes and options: converter/ir/training_ops.py.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_DEPTHWISE_CONV_2D_GRAD_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_DEPTHWISE_CONV_2D_GRAD_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/gradient.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

// Writes dL/d(input), [H, W, I], to `input_gradient` and returns its scale.
//   gradient    [OH, OW, O], scaled by `scale`; scale.max_abs must not be 0
//   filter      int8 [KH, KW, k] and [KH, KW, O - k], both parts or one
//   multiplier  int16 [O], round(32767 * s_w / max s_w), or nullptr (one scale for all)
//   mask        of the input, [H, W, I]
// The accumulator does not overflow if KH * KW * 127 * scale.max_abs <= 2^31;
// options.accumulator_bits is not used. Less than 600 bytes of stack, 3700 with the DSP
// extension. The memory plan may let `input_gradient` overlap `gradient` or the mask from below
// (converter/planning/sharing.py).
GradientScale DepthwiseConv2DInputGrad(const ConvInputGradOptions& options,
                                       Mantissas gradient, GradientScale scale,
                                       const SplitFilter& filter, const int16_t* multiplier,
                                       ActivationMask mask, MutableMantissas input_gradient);

// Moves the first `options.channels` output channels of `filter`, int8
// [KH, KW, filter_channels], one step against dL/d(filter); the weights stay within +-127.
//   input     int8 [H, W, stored_channels]
//   gradient  [OH, OW, O], scaled by `scale`; scale.max_abs must not be 0
// The accumulator does not overflow if OH * OW * 255 * scale.max_abs <= 2^31. `random`
// advances by one for each weight that is rounded. Less than 600 bytes of stack, 3700 with the DSP
// extension.
void DepthwiseConv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                                 Mantissas gradient, GradientScale scale,
                                 const FilterStep& step, TrainedWeights filter, Random* random);

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_DEPTHWISE_CONV_2D_GRAD_H_
