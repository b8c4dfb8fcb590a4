// What the gradients of the poolings share: their options and the geometry of windows.
#ifndef KERNELS_CORE_POOL_H_
#define KERNELS_CORE_POOL_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"
#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as PoolGrad in converter/ir/training_ops.py.
struct PoolGradOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t filter_height;
  int32_t filter_width;
  int32_t output_height;
  int32_t output_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t padding_top;
  int32_t padding_left;
  int32_t gradient_bits;  // 1..15, int8 1..7, of the gradient that is written
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(PoolGradOptions) == 15 * 4, "a record of 32-bit words");

// The inputs of one dimension that lie in the window of `output`.
inline Range InputsOfWindow(int32_t output, int32_t inputs, int32_t filter, int32_t stride,
                            int32_t padding) {
  const int32_t begin = output * stride - padding;
  return {Max(begin, 0), Min(begin + filter, inputs)};
}

// The windows of one dimension that hold `input`.
inline Range WindowsOfInput(int32_t input, int32_t outputs, int32_t filter, int32_t stride,
                            int32_t padding) {
  const int32_t position = input + padding;
  const int32_t begin = position < filter ? 0 : (position - filter) / stride + 1;
  return {begin, Min(position / stride + 1, outputs)};
}

// The largest number of windows of one dimension that hold one input.
inline int32_t WindowOverlap(int32_t filter, int32_t stride) {
  return (filter - 1) / stride + 1;
}

inline int32_t WindowOverlap(const PoolGradOptions& options) {
  return WindowOverlap(options.filter_height, options.stride_height) *
         WindowOverlap(options.filter_width, options.stride_width);
}

// Every window of one dimension holds at least one input.
inline bool IsValidWindow(int32_t inputs, int32_t outputs, int32_t filter, int32_t stride,
                          int32_t padding) {
  return IsExtent(inputs) && IsExtent(outputs) && IsExtent(filter) && IsExtent(stride) &&
         padding >= 0 && padding < filter && (outputs - 1) * stride - padding < inputs;
}

// Sums of mantissas stay in int32 and every division has a divisor.
inline bool IsValid(const PoolGradOptions& options) {
  constexpr int32_t kMaxOverlap = 32768;
  return options.channels >= 1 &&
         IsValidWindow(options.input_height, options.output_height, options.filter_height,
                       options.stride_height, options.padding_top) &&
         IsValidWindow(options.input_width, options.output_width, options.filter_width,
                       options.stride_width, options.padding_left) &&
         WindowOverlap(options) <= kMaxOverlap;
}

// Right shift that brings the sum of all windows that hold one input to `gradient_bits`.
inline int OverlapShift(const PoolGradOptions& options, int32_t max_abs) {
  return ShiftToBits(int64_t{max_abs} * WindowOverlap(options), options.gradient_bits);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_POOL_H_
