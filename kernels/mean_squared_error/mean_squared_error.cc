#include "kernels/mean_squared_error/mean_squared_error.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/loss.h"

namespace tflm_training {

float MeanSquaredError(const MeanSquaredErrorOptions& options, const int8_t* output,
                       const int8_t* target, float learning_rate, MutableMantissas gradient,
                       GradientScale* scale) {
  int64_t squares = 0;
  int32_t largest = 0;
  for (int32_t i = 0; i < options.elements; ++i) {
    const int32_t difference = output[i] - target[i];
    squares += difference * difference;
    largest = Max(largest, difference < 0 ? -difference : difference);
  }
  const float loss = static_cast<float>(squares) * options.loss_scale;
  *scale = {0.0f, 0};
  if (!IsPositive(learning_rate)) return loss;

  // A difference has 8 bits: one more than int8 mantissas where it is large.
  const int bits = gradient.max_bits();
  const int shift = Max(0, Bits(static_cast<uint64_t>(largest)) - bits);
  GradientWriter writer(gradient, {nullptr, 0, 0});
  for (int32_t i = 0; i < options.elements; ++i) {
    writer.Write(i, Saturate(RoundingShift32(output[i] - target[i], shift), bits));
  }
  *scale = {options.gradient_scale * PowerOfTwo(shift), writer.max_abs()};
  return loss;
}

}  // namespace tflm_training
