#include "kernels/mean_squared_error/mean_squared_error.h"

#include "kernels/core/loss.h"

namespace tflm_training {

float MeanSquaredError(const MeanSquaredErrorOptions& options, const int8_t* output,
                       const int8_t* target, float learning_rate, int16_t* gradient,
                       GradientScale* scale) {
  const bool trains = IsPositive(learning_rate);
  GradientWriter writer(gradient, {nullptr, 0, 0});
  int64_t squares = 0;
  for (int32_t i = 0; i < options.elements; ++i) {
    const int32_t difference = output[i] - target[i];
    squares += difference * difference;
    if (trains) writer.Write(i, difference);
  }
  *scale = {options.gradient_scale, writer.max_abs()};
  return static_cast<float>(squares) * options.loss_scale;
}

}  // namespace tflm_training
