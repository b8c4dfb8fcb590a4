#include "kernels/core/optimize_size.h"

#include "kernels/core/loss_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/sigmoid_cross_entropy/sigmoid_cross_entropy.h"

namespace tflm_training {
namespace {

constexpr int kLogit = 0;
constexpr int kLabel = 1;
constexpr int kLearningRate = 2;
constexpr int kTable = 3;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<SigmoidCrossEntropyOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(4, kLossOutputs);
  check.Input(kLogit, kTfLiteInt8, 1);
  check.Input(kLabel, kTfLiteInt32, 1);
  check.Input(kLearningRate, kTfLiteFloat32, 1);
  CheckTable(check, context, node, kTable, kProbabilities, int32_t{1} << kProbabilityBits);
  CheckLossOutputs(check, 1);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  GradientScale scale;
  const float loss = SigmoidCrossEntropy(
      GetOptions<SigmoidCrossEntropyOptions>(node), InputData<int8_t>(context, node, kLogit)[0],
      InputData<int32_t>(context, node, kLabel)[0],
      InputData<float>(context, node, kLearningRate)[0],
      InputData<int32_t>(context, node, kTable), LossGradient(context, node), &scale);
  WriteLoss(loss, scale, context, node);
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_SIGMOID_CROSS_ENTROPY() { return &kRegistration; }

}  // namespace tflm_training
