#include "kernels/core/optimize_size.h"

#include "kernels/core/masked_gradient_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/mean_grad/mean_grad.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kMaskedBy = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<MeanGradOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(3, 2);
  int32_t kept[4];
  for (int i = 0; i < 4; ++i) {
    check.Require(options->dims[i] >= 1, "dims");
    check.Require(options->reduced[i] == 0 || options->reduced[i] == 1, "reduced");
    kept[i] = options->reduced[i] == 0 ? options->dims[i] : 1;
  }
  const int32_t elements = ElementCount(options->dims, 4);
  check.GradientInput(kGradient, ElementCount(kept, 4));
  check.MaskInput(kMaskedBy, elements);
  check.GradientOutput(0, elements);
  return check.status();
}

constexpr TFLMRegistration kRegistration =
    MakeRegistration(Prepare, EvalMaskedGradient<MeanGradOptions, MeanGrad>);

}  // namespace

const TFLMRegistration* Register_MEAN_GRAD() { return &kRegistration; }

}  // namespace tflm_training
