// A gradient is int16 mantissas plus a companion tensor `gradient_scale`, float32
// [sigma, max|m|]; see docs/arithmetic.md.
#ifndef KERNELS_CORE_GRADIENT_H_
#define KERNELS_CORE_GRADIENT_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"

namespace tflm_training {

constexpr int kMaxGradientBits = 15;

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

// Where a saved int8 activation was clamped, in [low, high] without the bounds it was not.
struct ActivationMask {
  const int8_t* values;  // the saved activation, nullptr where nothing is masked
  int32_t low;
  int32_t high;

  bool Hides(int32_t index) const {
    return values != nullptr && (values[index] <= low || values[index] >= high);
  }
};

// Writes the mantissas of one gradient, masks them and keeps their maximum.
class GradientWriter {
 public:
  GradientWriter(int16_t* gradient, ActivationMask mask) : gradient_(gradient), mask_(mask) {}

  // `mantissa` must fit 15 bits and a sign.
  void Write(int32_t index, int32_t mantissa) {
    if (mask_.Hides(index)) mantissa = 0;
    gradient_[index] = static_cast<int16_t>(mantissa);
    max_abs_ = Max(max_abs_, mantissa < 0 ? -mantissa : mantissa);
  }

  int32_t max_abs() const { return max_abs_; }

 private:
  int16_t* gradient_;
  ActivationMask mask_;
  int32_t max_abs_ = 0;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_GRADIENT_H_
