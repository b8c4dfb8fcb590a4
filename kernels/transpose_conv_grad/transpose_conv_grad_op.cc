#include "kernels/core/optimize_size.h"

#include "kernels/core/conv_op.h"
#include "kernels/core/registration.h"
#include "kernels/transpose_conv_grad/transpose_conv_grad.h"

namespace tflm_training {
namespace {

constexpr ConvFamily kFamily = {/*depthwise=*/false};

TfLiteStatus PrepareInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvInputGrad(context, node, kFamily);
}

TfLiteStatus EvalInputGrad(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvInputGrad(context, node, kFamily, TransposeConvInputGrad);
}

TfLiteStatus PrepareFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvFilterUpdate(context, node, kFamily);
}

TfLiteStatus EvalFilterUpdate(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvFilterUpdate(context, node, TransposeConvFilterUpdate);
}

}  // namespace

const TFLMRegistration* Register_TRANSPOSE_CONV_INPUT_GRAD() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareInputGrad, EvalInputGrad);
  return &registration;
}

const TFLMRegistration* Register_TRANSPOSE_CONV_FILTER_UPDATE() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareFilterUpdate, EvalFilterUpdate);
  return &registration;
}

}  // namespace tflm_training
