// Input values without their zero point, as the inner loops multiply them.
#ifndef KERNELS_CORE_EXPAND_INPUT_H_
#define KERNELS_CORE_EXPAND_INPUT_H_

#include <cstdint>

namespace tflm_training {

// values[c] = x[c] - zero_point for c in [0, count).
inline void SubtractZeroPoint(const int8_t* __restrict x, int32_t zero_point, int32_t count,
                              int16_t* __restrict values) {
  for (int32_t c = 0; c < count; ++c) values[c] = static_cast<int16_t>(x[c] - zero_point);
}

// values[c] = pixel[(first + c) / depth_multiplier] - zero_point for c in [0, count): what
// the output channels of DEPTHWISE_CONV_2D read.
inline void ExpandInput(const int8_t* pixel, int32_t zero_point, int32_t depth_multiplier,
                 int32_t first, int32_t count, int16_t* values) {
  if (depth_multiplier == 1) {
    SubtractZeroPoint(pixel + first, zero_point, count, values);
    return;
  }
  int32_t channel = first / depth_multiplier;
  int32_t phase = first % depth_multiplier;
  for (int32_t c = 0; c < count; ++c) {
    values[c] = static_cast<int16_t>(pixel[channel] - zero_point);
    if (++phase == depth_multiplier) {
      phase = 0;
      ++channel;
    }
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_EXPAND_INPUT_H_
