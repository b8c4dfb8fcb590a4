#include "kernels/core/optimize_size.h"

#include "kernels/core/geometry.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/gradient_mul/gradient_mul.h"

namespace tflm_training {
namespace {

constexpr int kGradient = 0;
constexpr int kGradientScale = 1;
constexpr int kOther = 2;
constexpr int kMaskedBy = 3;

bool IsFlag(int32_t value) { return value == 0 || value == 1; }

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<GradientMulOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Counts(4, 2);
  int32_t operand[4];
  int32_t other[4];
  for (int i = 0; i < 4; ++i) {
    check.Require(options->dims[i] >= 1, "dims");
    check.Require(IsFlag(options->reduced[i]), "reduced");
    check.Require(IsFlag(options->repeated[i]), "repeated");
    operand[i] = options->reduced[i] != 0 ? 1 : options->dims[i];
    other[i] = options->repeated[i] != 0 ? 1 : options->dims[i];
  }
  check.Require(options->zero_point >= -128 && options->zero_point <= 127, "zero_point");
  const int32_t elements = ElementCount(operand, 4);
  check.GradientInput(kGradient, ElementCount(options->dims, 4));
  check.OptionalInput(kOther, kTfLiteInt8, ElementCount(other, 4));
  check.MaskInput(kMaskedBy, elements);
  check.GradientOutput(0, elements);
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const auto& options = GetOptions<GradientMulOptions>(node);
  const GradientScale scale =
      GradientMul(options, InputMantissas(context, node, kGradient),
                  ReadGradientScale(InputData<float>(context, node, kGradientScale)),
                  InputData<int8_t>(context, node, kOther),
                  InputMask(context, node, kMaskedBy, options.mask_min, options.mask_max),
                  OutputMantissas(context, node, 0));
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_GRADIENT_MUL() { return &kRegistration; }

}  // namespace tflm_training
