#include "kernels/core/optimize_size.h"

#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/gradient_add/gradient_add.h"

namespace tflm_training {
namespace {

constexpr int kGradientA = 0;
constexpr int kGradientB = 2;
constexpr int kMaskedBy = 4;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<GradientAddOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(5, 2);
  check.Require(options->elements >= 1, "elements");
  check.GradientInput(kGradientA, options->elements);
  check.GradientInput(kGradientB, options->elements);
  check.MaskInput(kMaskedBy, options->elements);
  check.GradientOutput(0, options->elements);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

GradientTerm Term(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return {InputMantissas(context, node, index),
          InputScale(context, node, index + 1)};
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const auto& options = GetOptions<GradientAddOptions>(node);
  const GradientScale scale = GradientAdd(
      options, Term(context, node, kGradientA), Term(context, node, kGradientB),
      InputMask(context, node, kMaskedBy, options.mask_min, options.mask_max),
      OutputMantissas(context, node, 0));
  OutputScale(context, node, 1, scale);
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_GRADIENT_ADD() { return &kRegistration; }

}  // namespace tflm_training
