#include "kernels/core/optimize_size.h"

#include "kernels/core/pool.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"

namespace tflm_training {

Range PoolAxis::Inputs(int32_t output) const {
  const int32_t begin = output * stride - padding;
  return {Max(begin, 0), Min(begin + filter, inputs)};
}

int32_t PoolAxis::Count(int32_t output) const {
  const Range range = Inputs(output);
  return range.end - range.begin;
}

int32_t PoolAxis::SmallestCount() const {
  // It is the first or the last: no window between two others has fewer inputs than both.
  return Min(Count(0), Count(outputs - 1));
}

Range PoolAxis::Windows(int32_t input) const {
  const int32_t position = input + padding;
  const int32_t begin = position < filter ? 0 : (position - filter) / stride + 1;
  return {begin, Min(position / stride + 1, outputs)};
}

bool PoolAxis::IsValid() const {
  return IsExtent(inputs) && IsExtent(outputs) && IsExtent(filter) && IsExtent(stride) &&
         padding >= 0 && padding < filter && (outputs - 1) * stride - padding < inputs;
}

PoolAxis RowsOf(const PoolGradOptions& o) {
  return {o.input_height, o.output_height, o.filter_height, o.stride_height, o.padding_top};
}

PoolAxis ColumnsOf(const PoolGradOptions& o) {
  return {o.input_width, o.output_width, o.filter_width, o.stride_width, o.padding_left};
}

namespace {

int32_t Overlap(const PoolGradOptions& options) {
  return RowsOf(options).Overlap() * ColumnsOf(options).Overlap();
}

}  // namespace

bool IsValid(const PoolGradOptions& options) {
  constexpr int32_t kMaxOverlap = 32768;
  return options.channels >= 1 && RowsOf(options).IsValid() && ColumnsOf(options).IsValid() &&
         Overlap(options) <= kMaxOverlap;
}

int OverlapShift(const PoolGradOptions& options, int32_t max_abs) {
  return ShiftToBits(int64_t{max_abs} * Overlap(options), options.gradient_bits);
}

}  // namespace tflm_training
