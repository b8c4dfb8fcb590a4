// What the kernels for windows of depthwise convolutions share: the taps of four channels, and
// which of them lie inside the map.
#ifndef KERNELS_CORE_WINDOW_DSP_H_
#define KERNELS_CORE_WINDOW_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"
#include "kernels/core/split_filter.h"

namespace tflm_training {

// Taps that a window may have for the fast path; 8x8 and less in practice.
constexpr int32_t kMaxTaps = 64;
// Channels that are accumulated in registers.
constexpr int32_t kChannelGroup = 4;

// One tap of four channels: where it lies, in bytes from the first tap, and its weights as
// [0, 2] and [1, 3].
struct Tap {
  uint32_t offset;
  uint32_t even;
  uint32_t odd;
};

// The accumulators of four channels.
struct GroupSums {
  int32_t a, b, c, d;
};

// Whether two pieces of memory share a byte.
inline bool Overlaps(const void* a, int32_t a_bytes, const void* b, int32_t b_bytes) {
  const auto a_begin = reinterpret_cast<uintptr_t>(a);
  const auto b_begin = reinterpret_cast<uintptr_t>(b);
  return a_begin < b_begin + static_cast<uintptr_t>(b_bytes) &&
         b_begin < a_begin + static_cast<uintptr_t>(a_bytes);
}

// How many of the taps in [0, taps) have start + tap * dilation < limit.
inline int32_t TapsBelow(int32_t limit, int32_t start, int32_t taps, int32_t dilation) {
  return Clamp((limit - start + dilation - 1) / dilation, 0, taps);
}

// The taps in [0, taps) with 0 <= start + tap * dilation < inputs.
TFLM_TRAINING_NOINLINE inline Range TapsInside(int32_t start, int32_t inputs, int32_t taps,
                                               int32_t dilation) {
  return {TapsBelow(0, start, taps, dilation), TapsBelow(inputs, start, taps, dilation)};
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_WINDOW_DSP_H_
