#include "kernels/core/optimize_size.h"

#include "kernels/activation_grad/activation_grad.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kGradientScale = 1;
constexpr int kActivation = 2;
constexpr int kDerivative = 3;

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<ActivationGradOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(4, 2);
  check.Require(options->elements >= 1, "elements");
  check.GradientInput(kGradient, options->elements);
  check.Input(kActivation, kTfLiteInt8, options->elements);
  check.Input(kDerivative, kTfLiteInt16, 256);
  check.GradientOutput(0, options->elements);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const GradientScale scale = ActivationGrad(
      GetOptions<ActivationGradOptions>(node), InputMantissas(context, node, kGradient),
      ReadGradientScale(InputData<float>(context, node, kGradientScale)),
      InputData<int8_t>(context, node, kActivation),
      InputData<int16_t>(context, node, kDerivative), OutputMantissas(context, node, 0));
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_ACTIVATION_GRAD() { return &kRegistration; }

}  // namespace tflm_training
