#include "kernels/core/optimize_size.h"

#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"

namespace tflm_training {

constexpr bool kDepthwise = true;

const TFLMRegistration* Register_DEPTHWISE_CONV_2D_INPUT_GRAD() {
  return ConvInputGradRegistration<kDepthwise, DepthwiseConv2DInputGrad>();
}

const TFLMRegistration* Register_DEPTHWISE_CONV_2D_FILTER_UPDATE() {
  return ConvFilterUpdateRegistration<kDepthwise, DepthwiseConv2DFilterUpdate>();
}

}  // namespace tflm_training
