#include "kernels/activation_grad/activation_grad.h"

#include "kernels/core/fixed_point.h"

namespace tflm_training {
namespace {

constexpr int32_t kLargestDerivative = 32767;

}  // namespace

GradientScale ActivationGrad(const ActivationGradOptions& options, Mantissas gradient,
                             GradientScale scale, const int8_t* activation,
                             const int16_t* derivative, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const int bits = Bits(static_cast<uint64_t>(scale.max_abs) * kLargestDerivative);
  const int shift = Max(0, bits - options.gradient_bits);
  const int32_t limit = MantissaLimit(options.gradient_bits);
  GradientWriter writer(result, {nullptr, 0, 0});
  for (int32_t i = 0; i < options.elements; ++i) {
    const int32_t product = gradient[i] * int32_t{derivative[activation[i] + 128]};
    writer.Write(i, Clamp(RoundingShift32(product, shift), -limit, limit));
  }
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
