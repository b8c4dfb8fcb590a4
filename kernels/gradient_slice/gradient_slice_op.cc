#include "kernels/core/optimize_size.h"

#include "kernels/core/masked_gradient_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/gradient_slice/gradient_slice.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kMaskedBy = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<GradientSliceOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(3, 2);
  for (int i = 0; i < 4; ++i) {
    check.Require(options->begin[i] >= 0, "begin");
    check.Require(options->size[i] >= 1 && options->size[i] <= options->dims[i], "size");
    if (check.status() != kTfLiteOk) return kTfLiteError;
    check.Require(options->begin[i] <= options->dims[i] - options->size[i], "begin");
  }
  const int32_t elements = ElementCount(options->size, 4);
  check.GradientInput(kGradient, ElementCount(options->dims, 4));
  check.MaskInput(kMaskedBy, elements);
  check.GradientOutput(0, elements);
  return check.status();
}

constexpr TFLMRegistration kRegistration =
    MakeRegistration(Prepare, EvalMaskedGradient<GradientSliceOptions, GradientSlice>);

}  // namespace

const TFLMRegistration* Register_GRADIENT_SLICE() { return &kRegistration; }

}  // namespace tflm_training
