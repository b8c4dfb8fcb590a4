#include "kernels/activation_grad/activation_grad.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

constexpr int32_t kLargestDerivative = 32767;
// Elements that are multiplied before they are written.
constexpr int32_t kBlock = 32;

template <typename Mantissa>
void Multiply(const Mantissa* gradient, const int8_t* activation, const int16_t* derivative,
              int32_t count, int32_t* products) {
  for (int32_t i = 0; i < count; ++i) {
    products[i] = gradient[i] * derivative[activation[i] + 128];
  }
}

}  // namespace

GradientScale ActivationGrad(const ActivationGradOptions& options, Mantissas gradient,
                             GradientScale scale, const int8_t* activation,
                             const int16_t* derivative, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const int bits = Bits(static_cast<uint64_t>(scale.max_abs) * kLargestDerivative);
  const int shift = Max(0, bits - options.gradient_bits);
  GradientRowWriter writer(result, {nullptr, 0, 0}, options.gradient_bits);
  int32_t products[kBlock];
  for (int32_t first = 0; first < options.elements; first += kBlock) {
    const int32_t count = Min(kBlock, options.elements - first);
    const Mantissas mantissas = gradient + first;
    if (mantissas.is_int8()) {
      Multiply(mantissas.int8(), activation + first, derivative, count, products);
    } else {
      Multiply(mantissas.int16(), activation + first, derivative, count, products);
    }
    writer.WriteShifted(first, products, count, shift);
  }
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
