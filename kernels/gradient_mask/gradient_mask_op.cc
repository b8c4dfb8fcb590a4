#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/gradient_mask/gradient_mask.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kMaskedBy = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node, "GRADIENT_MASK");
  const auto* options = check.Options<GradientMaskOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(3, 2);
  check.Require(options->elements >= 1, "elements");
  check.GradientInput(kGradient, options->elements);
  check.Input(kMaskedBy, kTfLiteInt8, options->elements);
  check.GradientOutput(0, options->elements);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const GradientScale scale = GradientMask(
      GetOptions<GradientMaskOptions>(node), InputData<int16_t>(context, node, kGradient),
      ReadGradientScale(InputData<float>(context, node, kGradient + 1)),
      InputData<int8_t>(context, node, kMaskedBy), OutputData<int16_t>(context, node, 0));
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_GRADIENT_MASK() { return &kRegistration; }

}  // namespace tflm_training
