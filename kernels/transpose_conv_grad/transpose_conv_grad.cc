#include "kernels/transpose_conv_grad/transpose_conv_grad.h"

#include "kernels/conv_2d_grad/conv_grad_loops.h"

namespace tflm_training {

GradientScale TransposeConvInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                                     GradientScale scale, const SplitFilter& filter,
                                     const int16_t* multiplier, ActivationMask mask,
                                     MutableMantissas input_gradient) {
  return ConvInputGrad<true>(options, gradient, scale, filter, multiplier, mask, input_gradient);
}

void TransposeConvFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                               Mantissas gradient, GradientScale scale, const FilterStep& step,
                               TrainedWeights filter, Random* random) {
  ConvFilterUpdate<true>(options, input, gradient, scale, step, filter, random);
}

}  // namespace tflm_training
