#include "kernels/average_pool_2d_grad/average_pool_2d_grad.h"

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

// Channels that are summed at a time: one pass over the windows, few bytes of stack.
constexpr int32_t kBlock = 32;

Range Rows(const PoolGradOptions& o, int32_t output_y) {
  return InputsOfWindow(output_y, o.input_height, o.filter_height, o.stride_height,
                        o.padding_top);
}

Range Columns(const PoolGradOptions& o, int32_t output_x) {
  return InputsOfWindow(output_x, o.input_width, o.filter_width, o.stride_width,
                        o.padding_left);
}

int32_t Size(Range range) { return range.end - range.begin; }

// The smallest number of inputs in a window.
int32_t SmallestCount(const PoolGradOptions& o) {
  int32_t rows = o.input_height;
  for (int32_t y = 0; y < o.output_height; ++y) rows = Min(rows, Size(Rows(o, y)));
  int32_t columns = o.input_width;
  for (int32_t x = 0; x < o.output_width; ++x) columns = Min(columns, Size(Columns(o, x)));
  return rows * columns;
}

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
                                GradientScale scale, ActivationMask mask, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const PoolGradOptions& o = options;
  const int32_t count_min = SmallestCount(o);
  const int shift = OverlapShift(o, scale.max_abs);
  GradientRowWriter writer(result, mask, o.gradient_bits);
  for (int32_t y = 0; y < o.input_height; ++y) {
    const Range windows_y =
        WindowsOfInput(y, o.output_height, o.filter_height, o.stride_height, o.padding_top);
    for (int32_t x = 0; x < o.input_width; ++x) {
      const Range windows_x =
          WindowsOfInput(x, o.output_width, o.filter_width, o.stride_width, o.padding_left);
      for (int32_t first = 0; first < o.channels; first += kBlock) {
        const int32_t channels = Min(kBlock, o.channels - first);
        int32_t sums[kBlock] = {};
        for (int32_t oy = windows_y.begin; oy < windows_y.end; ++oy) {
          for (int32_t ox = windows_x.begin; ox < windows_x.end; ++ox) {
            AddWindow(gradient + (oy * o.output_width + ox) * o.channels + first, channels,
                      Size(Rows(o, oy)) * Size(Columns(o, ox)), count_min, sums);
          }
        }
        writer.WriteShifted((y * o.input_width + x) * o.channels + first, sums, channels, shift);
      }
    }
  }
  return {scale.sigma / static_cast<float>(count_min) * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
