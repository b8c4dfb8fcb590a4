#include "kernels/core/optimize_size.h"

#include "kernels/core/masked_gradient_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/gradient_mask/gradient_mask.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kMaskedBy = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
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

constexpr TFLMRegistration kRegistration =
    MakeRegistration(Prepare, EvalMaskedGradient<GradientMaskOptions, GradientMask>);

}  // namespace

const TFLMRegistration* Register_GRADIENT_MASK() { return &kRegistration; }

}  // namespace tflm_training
