#include "kernels/core/optimize_size.h"

#include "kernels/core/loss.h"
#include "kernels/core/loss_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace tflm_training {
namespace {

constexpr int kLogits = 0;
constexpr int kLabel = 1;
constexpr int kLearningRate = 2;
constexpr int kTable = 3;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  static constexpr Bound kBounds[] = {{1, 1, 1, 0},    // classes
                                      {2, 1, 0, 30},   // exponential_bits
                                      {4, 1, 0, -1}};  // logit_scale_q16
  const auto* options = check.Options<SoftmaxCrossEntropyOptions>(kBounds);
  if (options == nullptr) return kTfLiteError;
  check.Counts(4, kLossOutputs);
  const int32_t one = int32_t{1} << options->exponential_bits;
  check.Require(options->classes <= (int32_t{1} << 30) / one, "classes");
  check.Require(IsPositive(options->beta), "beta");
  check.Input(kLogits, kTfLiteInt8, options->classes);
  check.Input(kLabel, kTfLiteInt32, 1);
  check.Input(kLearningRate, kTfLiteFloat32, 1);
  const uint32_t* table = CheckTable(check, context, node, kTable, kExponentials, one);
  check.Require(table != nullptr && *table == static_cast<uint32_t>(one), "table");
  CheckLossOutputs(check, options->classes);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  GradientScale scale;
  const InputList<kLogits, kTable + 1> inputs(context, node);
  const float loss = SoftmaxCrossEntropy(
      GetOptions<SoftmaxCrossEntropyOptions>(node), inputs.Data<const int8_t>(kLogits),
      *inputs.Data<const int32_t>(kLabel), *inputs.Data<const float>(kLearningRate),
      inputs.Data<const int32_t>(kTable), LossGradient(context, node), &scale);
  WriteLoss(loss, scale, context, node);
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_SOFTMAX_CROSS_ENTROPY() { return &kRegistration; }

}  // namespace tflm_training
