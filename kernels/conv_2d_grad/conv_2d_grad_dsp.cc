// Conv2DInputGrad and Conv2DFilterUpdate for the Arm DSP extension. Both are sums over rows of
// int8 with int16 coefficients, which MultiplyRows takes for several columns at a time:
//
//   input gradient  rows: weights W[o, ky, kx, ..] of all o    columns: pixels of a map row
//   filter update   rows: pixels x[iy, ix, ..] of the map      columns: output channels
#include "kernels/core/optimize_dsp.h"

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

// Pixels [x, x + columns) of row y and input channels [first, first + count) of the gradient of the
// input.
struct PixelBlock {
  PixelBlock(const ConvInputGradOptions& options, Mantissas gradient, GradientScale scale,
             const SplitFilter& filter, const int16_t* multiplier)
      : g(options.geometry),
        maps(g),
        gradient(gradient),
        filter(filter),
        scales(options, scale, multiplier),
        max_columns(Min(kMaxColumns, maps.input_width)),
        tile(max_columns, g.output_channels, g.filter_height * g.filter_width == 1,
             g.input_channels) {}

  const ConvGeometry& g;
  const Maps maps;
  const Mantissas gradient;
  const SplitFilter& filter;
  const InputGradScale scales;
  const int32_t max_columns;
  int32_t y;
  int32_t x;
  int32_t columns;
  int32_t first;
  int32_t count;
  Tile tile;
};

// Coefficients of `columns` pixels, from m on, for output channels [first, first + count), count at
// most 2 * kPackedPairs.
TFLM_TRAINING_NOINLINE void PackPixels(const PixelBlock& block, Mantissas m, int32_t columns,
                                       int32_t first, int32_t count, uint32_t* coefficients) {
  int16_t wide[2][2 * kPackedPairs];
  m = m + first;
  while (columns > 0) {
    const int16_t* rows[2];
    for (int32_t i = 0; i < 2; ++i) {
      rows[i] = m.int16();
      if (m.is_int8()) {
        rows[i] = wide[i];
        for (int32_t o = 0; o < count; ++o) wide[i][o] = m.int8()[o];
      }
      // A last odd column stands for both.
      if (--columns > 0) m = m + block.g.output_channels;
    }
    block.scales.scaler.Pairs(rows[0], rows[1], first, count, coefficients);
    coefficients += 2 * PairsOf(count);
  }
}

// The sums of a block.
TFLM_TRAINING_SMALL void AccumulatePixels(PixelBlock* block) {
  const ConvGeometry& g = block->g;
  const Maps& maps = block->maps;
  Tile& tile = block->tile;
  tile.ClearAcc();
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(block->y, maps.output_height, g.stride_height,
                                      g.padding_top, ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      // Every stride_width-th of the pixels is reached, by outputs that are neighbours.
      const int32_t offset_x = kx * g.dilation_width - g.padding_left - block->x;
      const Range reaching =
          OutputsInside(maps.output_width, block->columns, g.stride_width, 0, offset_x);
      const int32_t reached = reaching.end - reaching.begin;
      if (reached <= 0) continue;
      int32_t* acc = tile.acc(reaching.begin * g.stride_width + offset_x);
      const Mantissas m =
          block->gradient + (oy * maps.output_width + reaching.begin) * g.output_channels;
      for (int32_t o = 0; o < g.output_channels; o += tile.run()) {
        const int32_t row_count = Min(tile.run(), g.output_channels - o);
        uint32_t* coefficients = tile.coefficients(o);
        if (!tile.has_coefficients()) {
          PackPixels(*block, m, reached, o, row_count, coefficients);
        }
        const int32_t row = (o * g.filter_height + ky) * g.filter_width + kx;
        for (const FilterPart& part : block->filter) {
          const int32_t begin = Max(block->first, part.begin);
          const int32_t end = Min(block->first + block->count, part.end);
          if (begin >= end) continue;
          MultiplyRows(part.weights + row * part.channels() + begin - part.begin,
                       g.filter_height * g.filter_width * part.channels(), row_count, 0,
                       end - begin, coefficients, reached, acc + (begin - block->first),
                       tile.channels() * g.stride_width);
        }
      }
    }
  }
  tile.KeepCoefficients();
}

// Output channels share the unpacking of the pixels, of which there should be some: below so many
// mantissas each is on its own.
constexpr int32_t kFewMantissas = 512;

// acc[c] += mantissa * (pixel[c] + offset) for c in [0, count).
TFLM_TRAINING_NOINLINE void MultiplyPixel(const int8_t* pixel, int32_t offset, int32_t count,
                                          int32_t mantissa, int32_t* acc) {
  for (int32_t c = 0; c < count; ++c) acc[c] += mantissa * (pixel[c] + offset);
}

// Output channels [o, o + columns), a tap and input channels [first, first + count) of the filter.
struct FilterBlock {
  FilterBlock(const ConvFilterUpdateOptions& options, const int8_t* input, Mantissas gradient)
      : options(options),
        maps(options.geometry),
        input(input),
        gradient(gradient),
        taps(options.geometry.filter_height * options.geometry.filter_width),
        max_columns(Min(maps.output_height * maps.output_width *
                                    options.geometry.output_channels >= kFewMantissas
                                ? kMaxColumns
                                : 1,
                        options.geometry.output_channels)),
        tile(max_columns, maps.output_width, taps == 1 && maps.output_height == 1,
             options.channels) {}

  const ConvFilterUpdateOptions& options;
  const Maps maps;
  const int8_t* const input;
  const Mantissas gradient;
  const int32_t taps;
  const int32_t max_columns;
  int32_t o;
  int32_t columns;
  int32_t tap;
  int32_t first;
  int32_t count;
  Tile tile;
};

// The sums of a block.
TFLM_TRAINING_SMALL void AccumulateTap(FilterBlock* block) {
  const ConvFilterUpdateOptions& options = block->options;
  const ConvGeometry& g = options.geometry;
  const Maps& maps = block->maps;
  Tile& tile = block->tile;
  tile.ClearAcc();
  const int32_t offset_y = block->tap / g.filter_width * g.dilation_height;
  const int32_t offset_x = block->tap % g.filter_width * g.dilation_width;
  const Range map_rows = OutputsInside(maps.output_height, maps.input_height, g.stride_height,
                                       g.padding_top, offset_y);
  const Range map_columns = OutputsInside(maps.output_width, maps.input_width, g.stride_width,
                                          g.padding_left, offset_x);
  const int32_t stride = options.InputStride();
  const int32_t pixel_step = g.stride_width * stride;
  const int8_t* const end = block->input + maps.input_height * maps.input_width * stride;
  for (int32_t oy = map_rows.begin; oy < map_rows.end; ++oy) {
    const int32_t iy = oy * g.stride_height - g.padding_top + offset_y;
    for (int32_t ox = map_columns.begin; ox < map_columns.end; ox += tile.run()) {
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      const int32_t row_count = Min(tile.run(), map_columns.end - ox);
      const Mantissas m =
          block->gradient + ((oy * maps.output_width + ox) * g.output_channels + block->o);
      const int8_t* pixel = block->input + (iy * maps.input_width + ix) * stride + block->first;
      if (row_count == 1 && block->columns == 1) {
        // Not worth unpacking: FULLY_CONNECTED.
        MultiplyPixel(pixel, -options.input_zero_point, block->count, m[0], tile.acc(0));
        continue;
      }
      uint32_t* coefficients = tile.coefficients(ox);
      if (!tile.has_coefficients()) {
        PackChannels(m, g.output_channels, block->columns, row_count, coefficients);
      }
      // Whole words are quicker; what they add to the sums behind the last one is not looked at.
      const int32_t words = (block->count + 3) & ~3;
      const bool has_words = end - pixel >= (row_count - 1) * pixel_step + words;
      MultiplyRows(pixel, pixel_step, row_count, -options.input_zero_point,
                   has_words ? words : block->count, coefficients, block->columns, tile.acc(0),
                   tile.channels());
    }
  }
  tile.KeepCoefficients();
}

}  // namespace

TFLM_TRAINING_SMALL
GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  PixelBlock block(options, gradient, scale, filter, multiplier);
  GradientRowWriter writer(input_gradient, mask, options.gradient_bits);
  for (block.y = 0; block.y < block.maps.input_height; ++block.y) {
    for (block.x = 0; block.x < block.maps.input_width; block.x += block.max_columns) {
      block.columns = Min(block.max_columns, block.maps.input_width - block.x);
      block.tile.DropCoefficients();
      for (block.first = 0; block.first < g.input_channels; block.first += block.tile.channels()) {
        block.count = Min(block.tile.channels(), g.input_channels - block.first);
        AccumulatePixels(&block);
        int32_t index =
            (block.y * block.maps.input_width + block.x) * g.input_channels + block.first;
        for (int32_t n = 0; n < block.columns; ++n, index += g.input_channels) {
          writer.WriteShifted(index, block.tile.acc(n), block.count, block.scales.shift);
        }
      }
    }
  }
  return {block.scales.sigma, writer.max_abs()};
}

TFLM_TRAINING_SMALL
void Conv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                        Mantissas gradient, GradientScale scale, const FilterStep& step,
                        TrainedWeights filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  const int32_t row = options.FilterStride(g.input_channels);
  FilterBlock block(options, input, gradient);
  RowUpdater updater(options, step, scale.sigma, random->state(),
                     block.taps > 1 || options.channels > block.tile.channels());
  for (block.o = 0; block.o < g.output_channels; block.o += block.max_columns) {
    block.columns = Min(block.max_columns, g.output_channels - block.o);
    updater.Start(block.o, block.columns);
    block.tile.DropCoefficients();
    TrainedWeights weights = filter + block.o * block.taps * row;
    for (block.tap = 0; block.tap < block.taps; ++block.tap) {
      for (block.first = 0; block.first < options.channels; block.first += block.tile.channels()) {
        block.count = Min(block.tile.channels(), options.channels - block.first);
        AccumulateTap(&block);
        updater.Update(block.tile.acc(0), block.tile.channels(), block.count,
                       weights + block.first, block.taps * row);
      }
      weights = weights + row;
    }
  }
  *random = Random(updater.state());
}

}  // namespace tflm_training

#endif  // TFLM_TRAINING_DSP_KERNELS
