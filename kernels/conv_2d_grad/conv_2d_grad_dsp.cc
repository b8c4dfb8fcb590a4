// Conv2DInputGrad and Conv2DFilterUpdate for the Arm DSP extension. Both are sums over rows of
// int8 with int16 coefficients, which MultiplyRows takes for several columns at a time:
//
//   input gradient  rows: weights W[o, ky, kx, ..] of all o    columns: pixels of a map row
//   filter update   rows: pixels x[iy, ix, ..] of the map      columns: output channels
#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/conv_2d_grad/gradient_scaler.h"
#include "kernels/conv_2d_grad/row_updater_dsp.h"
#include "kernels/conv_2d_grad/tile_dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/multiply_rows_dsp.h"

namespace tflm_training {
namespace {

// Coefficients of `columns` pixels, `stride` mantissas apart, for output channels [first,
// first + count), count at most 2 * kPackedPairs.
TFLM_TRAINING_NOINLINE void PackPixels(Mantissas pixels, int32_t stride, int32_t columns,
                                       int32_t first, int32_t count,
                                       const GradientScaler& scaler, uint32_t* coefficients) {
  int16_t wide[2][2 * kPackedPairs];
  for (int32_t n = 0; n < columns; n += 2) {
    const int16_t* rows[2];
    for (int32_t i = 0; i < 2; ++i) {
      // A last odd column stands for both.
      const Mantissas m = pixels + (Min(n + i, columns - 1) * stride + first);
      rows[i] = wide[i];
      if (!m.is_int8()) {
        rows[i] = m.int16();
      } else {
        for (int32_t o = 0; o < count; ++o) wide[i][o] = m.int8()[o];
      }
    }
    scaler.Pairs(rows[0], rows[1], first, count, coefficients);
    coefficients += 2 * PairsOf(count);
  }
}

// Coefficients of output channels [0, columns) for `count` pixels, `stride` mantissas apart.
TFLM_TRAINING_NOINLINE void PackChannels(Mantissas m, int32_t stride, int32_t columns,
                                         int32_t count, uint32_t* coefficients) {
  for (int32_t n = 0; n < columns; n += 2) {
    int32_t rest = count;
    if (!m.is_int8() && n + 1 < columns) {
      const int16_t* pixel = m.int16() + n;
      for (; rest > 1; rest -= 2) {
        const uint32_t first = LoadWord(pixel);
        const uint32_t second = LoadWord(pixel + stride);
        StoreWords<0>(coefficients, PkhbtLsl16(first, second), PkhtbAsr16(second, first));
        pixel += 2 * stride;
        coefficients += 2;
      }
    }
    // What is left, one by one; of a column that is not there, the last one again.
    for (int32_t p = count - rest; p < count; p += 2) {
      for (int32_t column = n; column < n + 2; ++column) {
        const int32_t index = p * stride + Min(column, columns - 1);
        const int32_t second = p + 1 < count ? m[index + stride] : 0;
        *coefficients++ =
            PkhbtLsl16(static_cast<uint32_t>(m[index]), static_cast<uint32_t>(second));
      }
    }
  }
}

// Sums of the pixels [x, x + columns) of row y and of the input channels [first, first +
// count).
TFLM_TRAINING_SMALL void AccumulatePixels(const ConvGeometry& g, const Maps& maps,
                                          Mantissas gradient, const SplitFilter& filter,
                                          const GradientScaler& scaler, int32_t y, int32_t x,
                                          int32_t columns, int32_t first, int32_t count,
                                          bool has_coefficients, Tile* tile) {
  const int32_t taps = g.filter_height * g.filter_width;
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(y, maps.output_height, g.stride_height, g.padding_top,
                                      ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      // Every stride_width-th of the pixels is reached, by outputs that are neighbours.
      const int32_t offset_x = kx * g.dilation_width - g.padding_left - x;
      const Range reaching =
          OutputsInside(maps.output_width, columns, g.stride_width, 0, offset_x);
      const int32_t reached = reaching.end - reaching.begin;
      if (reached <= 0) continue;
      int32_t* acc = tile->acc(reaching.begin * g.stride_width + offset_x);
      const Mantissas m =
          gradient + (oy * maps.output_width + reaching.begin) * g.output_channels;
      for (int32_t o = 0; o < g.output_channels; o += tile->run()) {
        const int32_t row_count = Min(tile->run(), g.output_channels - o);
        uint32_t* coefficients = tile->coefficients(o, reached);
        if (!has_coefficients) {
          PackPixels(m, g.output_channels, reached, o, row_count, scaler, coefficients);
        }
        const int32_t row = (o * g.filter_height + ky) * g.filter_width + kx;
        for (const FilterPart& part : filter) {
          const int32_t begin = Max(first, part.begin);
          const int32_t end = Min(first + count, part.end);
          if (begin >= end) continue;
          MultiplyRows(part.weights + row * part.channels() + begin - part.begin,
                       taps * part.channels(), row_count, 0, end - begin, coefficients,
                       reached, acc + (begin - first), tile->channels() * g.stride_width);
        }
      }
    }
  }
}

// acc[c] += mantissa * (pixel[c] + offset) for c in [0, count).
TFLM_TRAINING_NOINLINE void MultiplyPixel(const int8_t* pixel, int32_t offset, int32_t count,
                                          int32_t mantissa, int32_t* acc) {
  for (int32_t c = 0; c < count; ++c) acc[c] += mantissa * (pixel[c] + offset);
}

// Sums of the output channels [0, columns) of `gradient` at a tap and of the input channels
// [0, count) of `input`.
TFLM_TRAINING_SMALL void AccumulateTap(const ConvFilterUpdateOptions& options,
                                       const Maps& maps, const int8_t* input,
                                       Mantissas gradient, int32_t tap, int32_t columns,
                                       int32_t count, bool has_coefficients, Tile* tile) {
  const ConvGeometry& g = options.geometry;
  const int32_t offset_y = tap / g.filter_width * g.dilation_height;
  const int32_t offset_x = tap % g.filter_width * g.dilation_width;
  const Range map_rows = OutputsInside(maps.output_height, maps.input_height, g.stride_height,
                                       g.padding_top, offset_y);
  const Range map_columns = OutputsInside(maps.output_width, maps.input_width, g.stride_width,
                                          g.padding_left, offset_x);
  const int32_t stride = options.InputStride();
  for (int32_t oy = map_rows.begin; oy < map_rows.end; ++oy) {
    const int32_t iy = oy * g.stride_height - g.padding_top + offset_y;
    for (int32_t ox = map_columns.begin; ox < map_columns.end; ox += tile->run()) {
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      const int32_t row_count = Min(tile->run(), map_columns.end - ox);
      const Mantissas m = gradient + (oy * maps.output_width + ox) * g.output_channels;
      const int8_t* pixel = input + (iy * maps.input_width + ix) * stride;
      if (row_count == 1 && columns == 1) {
        // Not worth unpacking: FULLY_CONNECTED.
        MultiplyPixel(pixel, -options.input_zero_point, count, m[0], tile->acc(0));
        continue;
      }
      uint32_t* coefficients = tile->coefficients(ox, columns);
      if (!has_coefficients) {
        PackChannels(m, g.output_channels, columns, row_count, coefficients);
      }
      MultiplyRows(pixel, g.stride_width * stride, row_count, -options.input_zero_point, count,
                   coefficients, columns, tile->acc(0), tile->channels());
    }
  }
}

}  // namespace

TFLM_TRAINING_SMALL
GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const Maps maps(g);
  const InputGradScale scales(options, scale, multiplier);
  GradientRowWriter writer(input_gradient, mask, options.gradient_bits);
  const int32_t max_columns = Min(kMaxColumns, maps.input_width);
  Tile tile(max_columns, g.output_channels, g.filter_height == 1 && g.filter_width == 1,
            g.input_channels);
  for (int32_t y = 0; y < maps.input_height; ++y) {
    for (int32_t x = 0; x < maps.input_width; x += max_columns) {
      const int32_t columns = Min(max_columns, maps.input_width - x);
      bool has_coefficients = false;
      for (int32_t first = 0; first < g.input_channels; first += tile.channels()) {
        const int32_t count = Min(tile.channels(), g.input_channels - first);
        tile.ClearAcc();
        AccumulatePixels(g, maps, gradient, filter, scales.scaler, y, x, columns, first, count,
                         has_coefficients, &tile);
        has_coefficients = tile.holds_all();
        int32_t index = (y * maps.input_width + x) * g.input_channels + first;
        for (int32_t n = 0; n < columns; ++n, index += g.input_channels) {
          writer.WriteShifted(index, tile.acc(n), count, scales.shift);
        }
      }
    }
  }
  return {scales.sigma, writer.max_abs()};
}

TFLM_TRAINING_SMALL
void Conv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                        Mantissas gradient, GradientScale scale, const FilterStep& step,
                        TrainedWeights filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  const Maps maps(g);
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.input_channels : options.filter_channels;
  // Columns share the unpacking of the pixels, of which there should be some.
  const int32_t positions = maps.output_height * maps.output_width;
  const int32_t max_columns =
      Min(positions * g.output_channels >= 512 ? kMaxColumns : 1, g.output_channels);
  Tile tile(max_columns, maps.output_width, taps == 1 && maps.output_height == 1,
            options.channels);
  RowUpdater updater(options, step, scale.sigma, random->state(),
                     taps > 1 || options.channels > tile.channels());
  for (int32_t o = 0; o < g.output_channels; o += max_columns) {
    const int32_t columns = Min(max_columns, g.output_channels - o);
    updater.Start(o, columns);
    bool has_coefficients = false;
    TrainedWeights weights = filter + o * taps * filter_channels;
    for (int32_t tap = 0; tap < taps; ++tap) {
      for (int32_t first = 0; first < options.channels; first += tile.channels()) {
        const int32_t count = Min(tile.channels(), options.channels - first);
        tile.ClearAcc();
        AccumulateTap(options, maps, input + first, gradient + o, tap, columns, count,
                      has_coefficients, &tile);
        has_coefficients = tile.holds_all();
        updater.Update(tile.acc(0), tile.channels(), count, weights + first,
                       taps * filter_channels);
      }
      weights = weights + filter_channels;
    }
  }
  *random = Random(updater.state());
}

}  // namespace tflm_training

#endif  // TFLM_TRAINING_DSP_KERNELS
