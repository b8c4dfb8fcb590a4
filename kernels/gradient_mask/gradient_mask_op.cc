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
  check.Require(check.Has(kMaskedBy), "masked_by");
  check.MaskInput(kMaskedBy, options->elements);
  check.GradientOutput(0, options->elements);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const auto& options = GetOptions<GradientMaskOptions>(node);
  const GradientScale scale = GradientMask(
      options, InputMantissas(context, node, kGradient),
      ReadGradientScale(InputData<float>(context, node, kGradient + 1)),
      InputMask(context, node, kMaskedBy, options.mask_min, options.mask_max),
      OutputMantissas(context, node, 0));
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_GRADIENT_MASK() { return &kRegistration; }

}  // namespace tflm_training
