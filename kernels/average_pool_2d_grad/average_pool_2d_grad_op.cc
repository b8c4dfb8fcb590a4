#include "kernels/core/optimize_size.h"

#include "kernels/average_pool_2d_grad/average_pool_2d_grad.h"
#include "kernels/core/masked_gradient_op.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kMaskedBy = 2;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<PoolGradOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(3, 2);
  check.Require(IsValid(*options), "geometry");
  const int32_t inputs =
      Elements(options->input_height, options->input_width, options->channels);
  check.GradientInput(
      kGradient, Elements(options->output_height, options->output_width, options->channels));
  check.MaskInput(kMaskedBy, inputs);
  check.GradientOutput(0, inputs);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

constexpr TFLMRegistration kRegistration =
    MakeRegistration(Prepare, EvalMaskedGradient<PoolGradOptions, AveragePool2DGrad>);

}  // namespace

const TFLMRegistration* Register_AVERAGE_POOL_2D_GRAD() { return &kRegistration; }

}  // namespace tflm_training
