// What the gradients of the poolings share: their options and the geometry of windows.
#ifndef KERNELS_CORE_POOL_H_
#define KERNELS_CORE_POOL_H_

#include <cstdint>

#include "kernels/core/geometry.h"

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

// One dimension of a pooling.
struct PoolAxis {
  int32_t inputs;
  int32_t outputs;
  int32_t filter;
  int32_t stride;
  int32_t padding;

  // The inputs that lie in the window of `output`.
  Range Inputs(int32_t output) const;
  int32_t Count(int32_t output) const;
  // Their number in the smallest window.
  int32_t SmallestCount() const;
  // The windows that hold `input`.
  Range Windows(int32_t input) const;
  // The largest number of windows that hold one input.
  int32_t Overlap() const { return (filter - 1) / stride + 1; }
  // Whether every window holds at least one input.
  bool IsValid() const;
};

PoolAxis RowsOf(const PoolGradOptions& options);
PoolAxis ColumnsOf(const PoolGradOptions& options);

// Sums of mantissas stay in int32 and every division has a divisor.
bool IsValid(const PoolGradOptions& options);

// Right shift that brings the sum of all windows that hold one input to `gradient_bits`.
int OverlapShift(const PoolGradOptions& options, int32_t max_abs);

}  // namespace tflm_training

#endif  // KERNELS_CORE_POOL_H_
