// Mean squared error of an int8 output and an int8 target: the loss and its gradient.
#ifndef KERNELS_MEAN_SQUARED_ERROR_MEAN_SQUARED_ERROR_H_
#define KERNELS_MEAN_SQUARED_ERROR_MEAN_SQUARED_ERROR_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as MeanSquaredError in converter/ir/training_ops.py.
struct MeanSquaredErrorOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t elements;      // >= 1
  float loss_scale;      // s^2 / elements, > 0, finite
  float gradient_scale;  // 2 * s / elements, > 0, finite
};
static_assert(sizeof(MeanSquaredErrorOptions) == 4 * 4, "a record of 32-bit words");

// The loss sum (output - target)^2 * loss_scale and its gradient with respect to the real
// output.
//
//   output, target [elements] int8, quantised alike
//   learning_rate  unless finite and above zero, there is no gradient
//   gradient       [elements] mantissas, written unless there is no gradient; int16 in -255..255,
//                  int8 shifted right by one if a difference passes 127
//   scale          of the gradient, written always
//
// The caller owns all memory. Constant stack. Source: docs/arithmetic.md.
float MeanSquaredError(const MeanSquaredErrorOptions& options, const int8_t* output,
                       const int8_t* target, float learning_rate, MutableMantissas gradient,
                       GradientScale* scale);

}  // namespace tflm_training

#endif  // KERNELS_MEAN_SQUARED_ERROR_MEAN_SQUARED_ERROR_H_
