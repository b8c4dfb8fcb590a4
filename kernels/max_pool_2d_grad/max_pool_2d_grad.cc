#include "kernels/max_pool_2d_grad/max_pool_2d_grad.h"

#include "kernels/core/fixed_point.h"

namespace tflm_training {
namespace {

// Index in the map of the largest value of one channel of one window; the first of equals.
int32_t LargestInWindow(const PoolGradOptions& o, const int8_t* input, Range rows, Range columns,
                        int32_t channel) {
  int32_t largest = (rows.begin * o.input_width + columns.begin) * o.channels + channel;
  for (int32_t y = rows.begin; y < rows.end; ++y) {
    for (int32_t x = columns.begin; x < columns.end; ++x) {
      const int32_t index = (y * o.input_width + x) * o.channels + channel;
      if (input[index] > input[largest]) largest = index;
    }
  }
  return largest;
}

}  // namespace

GradientScale MaxPool2DGrad(const PoolGradOptions& options, Mantissas gradient,
                            GradientScale scale, const int8_t* input, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const PoolGradOptions& o = options;
  const int32_t elements = o.input_height * o.input_width * o.channels;
  result.SetZero(elements);
  const int shift = OverlapShift(o, scale.max_abs);
  for (int32_t oy = 0; oy < o.output_height; ++oy) {
    const Range rows =
        InputsOfWindow(oy, o.input_height, o.filter_height, o.stride_height, o.padding_top);
    for (int32_t ox = 0; ox < o.output_width; ++ox) {
      const Range columns =
          InputsOfWindow(ox, o.input_width, o.filter_width, o.stride_width, o.padding_left);
      for (int32_t c = 0; c < o.channels; ++c) {
        const int32_t mantissa = gradient[(oy * o.output_width + ox) * o.channels + c];
        const int32_t index = LargestInWindow(o, input, rows, columns, c);
        result.Set(index, Saturate(result[index] + RoundingShift32(mantissa, shift),
                                   o.gradient_bits));
      }
    }
  }
  GradientWriter writer(result, {input, o.mask_min, o.mask_max});
  for (int32_t i = 0; i < elements; ++i) writer.Write(i, result[i]);
  return {scale.sigma * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
