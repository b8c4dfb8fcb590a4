#include "kernels/core/optimize_size.h"

#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"
#include "kernels/transpose_conv_grad/transpose_conv_grad.h"

namespace tflm_training {

constexpr bool kDepthwise = false;

const TFLMRegistration* Register_TRANSPOSE_CONV_INPUT_GRAD() {
  return ConvInputGradRegistration<kDepthwise, TransposeConvInputGrad>();
}

const TFLMRegistration* Register_TRANSPOSE_CONV_FILTER_UPDATE() {
  return ConvFilterUpdateRegistration<kDepthwise, TransposeConvFilterUpdate>();
}

}  // namespace tflm_training
