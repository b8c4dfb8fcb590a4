#include "kernels/core/optimize_size.h"

#include "kernels/core/loss.h"
#include "kernels/core/loss_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/mean_squared_error/mean_squared_error.h"

namespace tflm_training {
namespace {

constexpr int kOutput = 0;
constexpr int kTarget = 1;
constexpr int kLearningRate = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<MeanSquaredErrorOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(3, kLossOutputs);
  check.Require(options->elements >= 1, "elements");
  check.Require(IsPositive(options->loss_scale), "loss_scale");
  check.Require(IsPositive(options->gradient_scale), "gradient_scale");
  check.Input(kOutput, kTfLiteInt8, options->elements);
  check.Input(kTarget, kTfLiteInt8, options->elements);
  check.Input(kLearningRate, kTfLiteFloat32, 1);
  CheckLossOutputs(check, options->elements);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  GradientScale scale;
  const float loss = MeanSquaredError(
      GetOptions<MeanSquaredErrorOptions>(node), InputData<int8_t>(context, node, kOutput),
      InputData<int8_t>(context, node, kTarget),
      InputData<float>(context, node, kLearningRate)[0], LossGradient(context, node), &scale);
  WriteLoss(loss, scale, context, node);
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_MEAN_SQUARED_ERROR() { return &kRegistration; }

}  // namespace tflm_training
