// The kernels in plain C++, which are the meaning; those for the DSP extension fall back on them
// for layers that they do not take.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_REFERENCE_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_REFERENCE_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/gradient.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

// With the DSP extension few layers come here.
#if TFLM_TRAINING_DSP_KERNELS
#define TFLM_TRAINING_FALLBACK TFLM_TRAINING_SMALL
#else
#define TFLM_TRAINING_FALLBACK
#endif

namespace tflm_training {

// As the functions without the prefix in depthwise_conv_2d_grad.h.
TFLM_TRAINING_FALLBACK GradientScale ReferenceDepthwiseConv2DInputGrad(
    const ConvInputGradOptions& options, Mantissas gradient, GradientScale scale,
    const SplitFilter& filter, const int16_t* multiplier, ActivationMask mask,
    MutableMantissas input_gradient);
TFLM_TRAINING_FALLBACK void ReferenceDepthwiseConv2DFilterUpdate(
    const ConvFilterUpdateOptions& options, const int8_t* input, Mantissas gradient,
    GradientScale scale, const FilterStep& step, TrainedWeights filter, Random* random);

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_REFERENCE_H_
