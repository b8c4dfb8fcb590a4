// Which taps of a strided convolution reach an input, worked out once for all inputs.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_PHASES_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_PHASES_DSP_H_

#include <cstdint>

#include "kernels/core/geometry.h"

namespace tflm_training {

// The longest filter and the largest stride of the fast path, in one dimension.
constexpr int32_t kMaxLength = 16;
constexpr int32_t kMaxStride = 4;

// The taps of one dimension. Input i is reached by the taps k with (i + padding - k * dilation)
// divisible by the stride: those of the phase (i + padding) % stride. With
// u = (i + padding) / stride, tap k then reads output u - distance(k).
class Phases {
 public:
  Phases(int32_t taps, int32_t stride, int32_t dilation) {
    int32_t count = 0;
    for (int32_t phase = 0; phase < stride; ++phase) {
      begin_[phase] = static_cast<int8_t>(count);
      for (int32_t k = 0; k < taps; ++k) {
        if (k * dilation % stride != phase) continue;
        tap_[count] = static_cast<int8_t>(k);
        distance_[count++] = k * dilation / stride;
      }
    }
    begin_[stride] = static_cast<int8_t>(count);
  }

  // The taps of a phase, ascending, as indices for tap() and distance().
  Range TapsOf(int32_t phase) const { return {begin_[phase], begin_[phase + 1]}; }
  int32_t tap(int32_t index) const { return tap_[index]; }
  int32_t distance(int32_t index) const { return distance_[index]; }

  // Those of them that read an output in [0, outputs).
  Range Inside(Range taps, int32_t u, int32_t outputs) const {
    while (taps.begin < taps.end && u - distance_[taps.begin] >= outputs) ++taps.begin;
    while (taps.end > taps.begin && distance_[taps.end - 1] > u) --taps.end;
    return taps;
  }

 private:
  int8_t begin_[kMaxStride + 1];
  int8_t tap_[kMaxLength];
  int32_t distance_[kMaxLength];
};

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_PHASES_DSP_H_
