#include "kernels/average_pool_2d_grad/average_pool_2d_grad.h"

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

// Channels that are summed at a time: one pass over the windows, few bytes of stack.
constexpr int32_t kBlock = 32;

// Adds count_min / count times the mantissas of one window.
void AddWindow(Mantissas gradient, int32_t channels, int32_t count, int32_t count_min,
               int32_t* sums) {
  if (count == count_min) {
    Accumulate(gradient, channels, sums);
    return;
  }
  const int32_t weight = static_cast<int32_t>((int64_t{count_min} << 15) / count);
  for (int32_t c = 0; c < channels; ++c) {
    sums[c] += RoundingShift32(gradient[c] * weight, 15);
  }
}

}  // namespace

GradientScale AveragePool2DGrad(const PoolGradOptions& options, Mantissas gradient,
                                GradientScale scale, const ActivationMask& mask,
                                MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const PoolGradOptions& o = options;
  const PoolAxis rows = RowsOf(o);
  const PoolAxis columns = ColumnsOf(o);
  const int32_t count_min = rows.SmallestCount() * columns.SmallestCount();
  const bool are_equal = count_min == o.filter_height * o.filter_width;
  const int shift = OverlapShift(o, scale.max_abs);
  GradientRowWriter writer(result, mask, o.gradient_bits);
  int32_t index = 0;
  for (int32_t y = 0; y < o.input_height; ++y) {
    const Range windows_y = rows.Windows(y);
    for (int32_t x = 0; x < o.input_width; ++x) {
      const Range windows_x = columns.Windows(x);
      int32_t channels;
      for (int32_t first = 0; first < o.channels; first += channels) {
        channels = Min(kBlock, o.channels - first);
        int32_t sums[kBlock] = {};
        for (int32_t oy = windows_y.begin; oy < windows_y.end; ++oy) {
          for (int32_t ox = windows_x.begin; ox < windows_x.end; ++ox) {
            const int32_t count = are_equal ? count_min : rows.Count(oy) * columns.Count(ox);
            AddWindow(gradient + ((oy * o.output_width + ox) * o.channels + first), channels,
                      count, count_min, sums);
          }
        }
        writer.WriteShifted(index, sums, channels, shift);
        index += channels;
      }
    }
  }
  return {scale.sigma / static_cast<float>(count_min) * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
