// What is called once for a row of quads or less often.
#include "kernels/core/optimize_dsp.h"

#include "kernels/core/quad_dsp.h"

namespace tflm_training {

TFLM_TRAINING_SMALL QuadMask::QuadMask(const ActivationMask& mask)
    : values_(mask.values), bits_(mask.bits) {
  // low < q < high is one comparison: q - (low + 1) is at most `span_`, unsigned. Where no
  // int8 passes, q - first is above every span.
  const int32_t first = Clamp(mask.low, -129, 127) + 1;
  const int32_t last = Clamp(mask.high, -128, 128) - 1;
  offset_ = BothHalves(first <= last ? -first : 0x4000);
  span_ = BothHalves(first <= last ? last - first : 0);
}

TFLM_TRAINING_NOINLINE int32_t QuadRange::max_abs() const {
  const int32_t largest = Max(LowHalf(largest_), HighHalf(largest_));
  return Max(largest, -Min(LowHalf(smallest_), HighHalf(smallest_)));
}

TFLM_TRAINING_SMALL int32_t QuadRange::Clamp(MutableMantissas gradient, int32_t elements,
                                             int bits) {
  const int32_t limit = MantissaLimit(bits);
  const int32_t maximum = max_abs();
  if (maximum <= limit) return maximum;
  for (int32_t i = 0; i < elements; ++i) {
    gradient.Set(i, tflm_training::Clamp(gradient[i], -limit, limit));
  }
  largest_ = BothHalves(limit);
  smallest_ = BothHalves(-limit);
  return limit;
}

TFLM_TRAINING_SMALL void QuadShift::Quadruple(int32_t* values, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    values[i] = Qadd(values[i], values[i]);
    values[i] = Qadd(values[i], values[i]);
  }
}

}  // namespace tflm_training
