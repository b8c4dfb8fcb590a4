// A gradient is mantissas, int16 or int8, plus a companion tensor `gradient_scale`, float32
// [sigma, max|m|]; see docs/arithmetic.md.
#ifndef KERNELS_CORE_GRADIENT_H_
#define KERNELS_CORE_GRADIENT_H_

#include <cstdint>

#include "kernels/core/activation_mask.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/mantissas.h"

namespace tflm_training {

struct GradientScale {
  float sigma;
  int32_t max_abs;  // 0..32767; 0 means "no gradient"
};

// Reads a gradient_scale tensor. A maximum that no int16 mantissa has (a NaN too) is
// brought into range, so that later shifts are defined whatever the tensor holds.
inline GradientScale ReadGradientScale(const float* tensor) {
  const float max_abs = tensor[1];
  if (!(max_abs >= 1.0f)) return {0.0f, 0};
  return {tensor[0], max_abs < 32767.0f ? static_cast<int32_t>(max_abs) : 32767};
}

inline void WriteGradientScale(GradientScale scale, float* tensor) {
  tensor[0] = scale.max_abs == 0 ? 0.0f : scale.sigma;
  tensor[1] = static_cast<float>(scale.max_abs);
}

// Right shift that brings values of at most `bound`, >= 0, to `bits` bits.
int ShiftToBits(int64_t bound, int bits);

// Writes the mantissas of one gradient, masks them and keeps their maximum.
class GradientWriter {
 public:
  GradientWriter(MutableMantissas gradient, ActivationMask mask)
      : gradient_(gradient), mask_(mask) {}

  // `mantissa` must fit the type of the gradient.
  void Write(int32_t index, int32_t mantissa) {
    if (mask_.Hides(index)) mantissa = 0;
    gradient_.Set(index, mantissa);
    max_abs_ = Max(max_abs_, mantissa < 0 ? -mantissa : mantissa);
  }

  int32_t max_abs() const { return max_abs_; }

 private:
  MutableMantissas gradient_;
  ActivationMask mask_;
  int32_t max_abs_ = 0;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_GRADIENT_H_
