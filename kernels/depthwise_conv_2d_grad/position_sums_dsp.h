// The gradient of the weights of four channels at one tap.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_POSITION_SUMS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_POSITION_SUMS_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/window_dsp.h"

namespace tflm_training {

// The positions that tap (ky, kx) joins with an input: outputs [rows) x [columns). Where there is
// none, both are empty: what lies outside the map has no index, which could pass int32.
struct TapWindow {
  TFLM_TRAINING_SMALL TapWindow(const ConvFilterUpdateOptions& options, int32_t ky, int32_t kx) {
    const ConvGeometry& g = options.geometry;
    const int32_t y = ky * g.dilation_height;
    const int32_t x = kx * g.dilation_width;
    rows = OutputsInside(g.output_height, g.input_height, g.stride_height, g.padding_top, y);
    columns = OutputsInside(g.output_width, g.input_width, g.stride_width, g.padding_left, x);
    input = output = 0;
    if (rows.end <= rows.begin || columns.end <= columns.begin) {
      rows = columns = {0, 0};
      return;
    }
    input = ((rows.begin * g.stride_height - g.padding_top + y) * g.input_width +
             columns.begin * g.stride_width - g.padding_left + x) *
            options.InputStride();
    output = (rows.begin * g.output_width + columns.begin) * g.output_channels;
  }

  Range rows;
  Range columns;
  int32_t input;   // the first element of either map
  int32_t output;
};

// sums of (x - zero_point) * m at one position.
TFLM_TRAINING_INLINE void AddPosition(const int8_t* x, uint32_t offset, const int16_t* m,
                                      GroupSums& acc) {
  const uint32_t word = LoadWord(x);
  const uint32_t low = LoadWord(m);
  const uint32_t high = LoadWord(m + 2);
  const uint32_t even = Sxtab16(offset, word);
  const uint32_t odd = Sxtab16Ror8(offset, word);
  acc.a = Smlabb(even, low, acc.a);
  acc.b = Smlabt(odd, low, acc.b);
  acc.c = Smlatb(even, high, acc.c);
  acc.d = Smlatt(odd, high, acc.d);
}

TFLM_TRAINING_INLINE void AddPosition(const int8_t* x, uint32_t offset, const int8_t* m,
                                      GroupSums& acc) {
  const uint32_t word = LoadWord(x);
  const uint32_t mantissas = LoadWord(m);
  const uint32_t even = Sxtab16(offset, word);
  const uint32_t odd = Sxtab16Ror8(offset, word);
  acc.a = Smlabb(even, Sxtb16(mantissas), acc.a);
  acc.b = Smlabb(odd, Sxtb16Ror8(mantissas), acc.b);
  acc.c = Smlatt(even, Sxtb16(mantissas), acc.c);
  acc.d = Smlatt(odd, Sxtb16Ror8(mantissas), acc.d);
}

// The sums of four channels, `stride` apart.
template <typename Mantissa>
TFLM_TRAINING_NOINLINE void SumPositions(const ConvFilterUpdateOptions& options,
                                         const TapWindow& window, const int8_t* input,
                                         const Mantissa* gradient, int32_t* sums,
                                         int32_t stride) {
  const ConvGeometry& g = options.geometry;
  const uint32_t offset = BothHalves(-options.input_zero_point);
  const int32_t columns = window.columns.end - window.columns.begin;
  const int32_t rows = window.rows.end - window.rows.begin;
  // Of steps that are taken: a single row or column takes none.
  const int32_t x_step = columns > 1 ? g.stride_width * options.InputStride() : 0;
  const int32_t m_step = g.output_channels;
  const int32_t x_row = rows > 1 ? g.stride_height * g.input_width * options.InputStride() : 0;
  const int32_t m_row = g.output_width * g.output_channels;
  GroupSums acc = {0, 0, 0, 0};
  input += window.input;
  gradient += window.output;
  for (int32_t row = rows; row > 0; --row) {
    const int8_t* x = input;
    const Mantissa* m = gradient;
    for (int32_t column = columns; column > 0; --column) {
      AddPosition(x, offset, m, acc);
      x += x_step;
      m += m_step;
    }
    input += x_row;
    gradient += m_row;
  }
  sums[0] = acc.a;
  sums[stride] = acc.b;
  sums[2 * stride] = acc.c;
  sums[3 * stride] = acc.d;
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_POSITION_SUMS_DSP_H_
