#include "kernels/core/optimize_size.h"

#include "kernels/max_pool_2d_grad/max_pool_2d_grad.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kInput = 2;

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
  check.Input(kInput, kTfLiteInt8, inputs);
  check.GradientOutput(0, inputs);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const auto& options = GetOptions<PoolGradOptions>(node);
  const GradientScale scale = MaxPool2DGrad(
      options, InputMantissas(context, node, kGradient),
      ReadGradientScale(InputData<float>(context, node, kGradient + 1)),
      InputData<int8_t>(context, node, kInput),
      OutputMantissas(context, node, 0));
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_MAX_POOL_2D_GRAD() { return &kRegistration; }

}  // namespace tflm_training
