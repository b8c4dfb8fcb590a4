#include "kernels/core/optimize_size.h"

#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"

namespace tflm_training {
namespace {

constexpr ConvFamily kFamily = {/*depthwise=*/true};

TfLiteStatus PrepareInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvInputGrad(context, node, kFamily);
}

TfLiteStatus EvalInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvInputGrad(context, node, kFamily, DepthwiseConv2DInputGrad);
}

TfLiteStatus PrepareFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvFilterUpdate(context, node, kFamily);
}

TfLiteStatus EvalFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvFilterUpdate(context, node, DepthwiseConv2DFilterUpdate);
}

}  // namespace

const TFLMRegistration* Register_DEPTHWISE_CONV_2D_INPUT_GRAD() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareInputGrad, EvalInputGrad);
  return &registration;
}

const TFLMRegistration* Register_DEPTHWISE_CONV_2D_FILTER_UPDATE() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareFilterUpdate, EvalFilterUpdate);
  return &registration;
}

}  // namespace tflm_training
