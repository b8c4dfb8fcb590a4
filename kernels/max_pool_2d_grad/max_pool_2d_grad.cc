#include "kernels/max_pool_2d_grad/max_pool_2d_grad.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

// Channels that are searched at a time.
constexpr int32_t kBlock = 16;

// where[c] = the index in the map of the largest value of channel first + c in one window; the
// first of equals.
void FindLargest(const PoolGradOptions& o, const int8_t* input, Range rows, Range columns,
                 int32_t first, int32_t count, int32_t* where) {
  int32_t row = (rows.begin * o.input_width + columns.begin) * o.channels + first;
  for (int32_t c = 0; c < count; ++c) where[c] = row + c;
  for (int32_t y = rows.begin; y < rows.end; ++y) {
    int32_t index = row;
    for (int32_t x = columns.begin; x < columns.end; ++x) {
      for (int32_t c = 0; c < count; ++c) {
        if (input[index + c] > input[where[c]]) where[c] = index + c;
      }
      index += o.channels;
    }
    row += o.input_width * o.channels;
  }
}

// result[where[c]] takes its share of gradient[c], saturated.
template <typename Mantissa>
void Route(const Mantissa* gradient, const int32_t* where, int32_t count, int shift, int bits,
           Mantissa* result) {
  const int32_t limit = MantissaLimit(bits);
  for (int32_t c = 0; c < count; ++c) {
    const int32_t sum = result[where[c]] + RoundingShift32(gradient[c], shift);
    result[where[c]] = static_cast<Mantissa>(Clamp(sum, -limit, limit));
  }
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
    const Range rows = RowsOf(o).Inputs(oy);
    for (int32_t ox = 0; ox < o.output_width; ++ox) {
      const Range columns = ColumnsOf(o).Inputs(ox);
      for (int32_t first = 0; first < o.channels; first += kBlock) {
        const int32_t count = Min(kBlock, o.channels - first);
        int32_t where[kBlock];
        FindLargest(o, input, rows, columns, first, count, where);
        const Mantissas m = gradient + ((oy * o.output_width + ox) * o.channels + first);
        if (m.is_int8()) {
          Route(m.int8(), where, count, shift, o.gradient_bits, result.int8());
        } else {
          Route(m.int16(), where, count, shift, o.gradient_bits, result.int16());
        }
      }
    }
  }
  GradientRowWriter writer(result, {input, o.mask_min, o.mask_max}, o.gradient_bits);
  writer.Mask(elements);
  return {scale.sigma * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
