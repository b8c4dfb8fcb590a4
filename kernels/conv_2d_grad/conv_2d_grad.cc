// The reference; conv_2d_grad_dsp.cc takes its place on processors with the DSP extension.
#include "kernels/core/dsp.h"

#if !TFLM_TRAINING_DSP_KERNELS

#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/conv_2d_grad/conv_grad_loops.h"

namespace tflm_training {

GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  return ConvInputGrad<false>(options, gradient, scale, filter, multiplier, mask, input_gradient);
}

void Conv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                        Mantissas gradient, GradientScale scale, const FilterStep& step,
                        TrainedWeights filter, Random* random) {
  ConvFilterUpdate<false>(options, input, gradient, scale, step, filter, random);
}

}  // namespace tflm_training

#endif  // !TFLM_TRAINING_DSP_KERNELS
