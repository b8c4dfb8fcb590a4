#include "kernels/core/optimize_size.h"

#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"

namespace tflm_training {

constexpr bool kDepthwise = false;

const TFLMRegistration* Register_CONV_2D_INPUT_GRAD() {
  return ConvInputGradRegistration<kDepthwise, Conv2DInputGrad>();
}

const TFLMRegistration* Register_CONV_2D_FILTER_UPDATE() {
  return ConvFilterUpdateRegistration<kDepthwise, Conv2DFilterUpdate>();
}

}  // namespace tflm_training
