#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

ConvFilterLayout LayoutOf(const ConvGeometry& g) {
  return {Elements(g.output_channels, g.filter_height, g.filter_width, g.input_channels),
          g.input_channels, true};
}

TfLiteStatus PrepareInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvInputGrad(context, node, "CONV_2D_INPUT_GRAD", LayoutOf);
}

TfLiteStatus EvalInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvInputGrad(context, node, Conv2DInputGrad);
}

TfLiteStatus PrepareFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvFilterUpdate(context, node, "CONV_2D_FILTER_UPDATE", LayoutOf);
}

TfLiteStatus EvalFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvFilterUpdate(context, node, Conv2DFilterUpdate);
}

}  // namespace

const TFLMRegistration* Register_CONV_2D_INPUT_GRAD() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareInputGrad, EvalInputGrad);
  return &registration;
}

const TFLMRegistration* Register_CONV_2D_FILTER_UPDATE() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareFilterUpdate, EvalFilterUpdate);
  return &registration;
}

}  // namespace tflm_training
