// Gradients of CONV_2D and, as a map of [rows, 1, C] with a 1x1 filter, FULLY_CONNECTED.
// Formulas: docs/arithmetic.md; shapes and options: converter/ir/training_ops.py.
#ifndef KERNELS_CONV_2D_GRAD_CONV_2D_GRAD_H_
#define KERNELS_CONV_2D_GRAD_CONV_2D_GRAD_H_

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
// scale.max_abs bounds |gradient|. Less than 600 bytes of stack, with the DSP extension 3.2 KB.
GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient);

// Moves the first `options.channels` input channels of `filter`, int8
// [O, KH, KW, filter_channels], one step against dL/d(filter); the weights stay within +-127.
//   input     int8 [H, W, stored_channels]
//   gradient  [OH, OW, O], scaled by `scale`; scale.max_abs must not be 0
// The accumulator does not overflow if OH * OW * 255 * scale.max_abs <= 2^31. `random`
// advances by one for each weight that is rounded. Less than 600 bytes of stack, with the DSP
// extension 3.2 KB.
void Conv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                        Mantissas gradient, GradientScale scale, const FilterStep& step,
                        TrainedWeights filter, Random* random);

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_CONV_2D_GRAD_H_
