// Conv2DInputGrad and Conv2DFilterUpdate for the Arm DSP extension. Both are sums over rows of
// int8 with int16 coefficients, which MultiplyRows takes for several columns at a time:
//
//   input gradient  rows: weights W[o, ky, kx, ..] of all o    columns: pixels of one map row
//   filter update   rows: pixels x[iy, ix, ..] of the map      columns: output channels
#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include <cstring>

#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/conv_2d_grad/gradient_scaler.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/multiply_rows_dsp.h"
#include "kernels/core/random_jump.h"
#include "kernels/core/weight_update_dsp.h"
#include "kernels/core/write_gradient_dsp.h"

namespace tflm_training {
namespace {

constexpr int32_t kMaxColumns = 8;
constexpr int32_t kTileWords = 320;

// Coefficients and accumulators of up to kMaxColumns columns, 1280 bytes. There is room for
// the coefficients of one MultiplyRows, so that as many channels as possible are summed up at
// a time, or, where more channels than those would ask for the same coefficients again, for
// all coefficients if they fit.
class Tile {
 public:
  // `is_whole`: all rows come in one run.
  Tile(int32_t columns, int32_t row_count, bool is_whole, int32_t channels)
      : columns_(columns) {
    const int32_t even_columns = (columns + 1) & ~1;
    const int32_t words = kTileWords / even_columns;
    const int32_t pairs = PairsOf(row_count);
    const int32_t held = Min(pairs, kPackedPairs);
    holds_all_ = is_whole && (pairs == held || (channels > words - held && pairs + 4 <= words));
    const int32_t coefficients = holds_all_ ? pairs : held;
    channels_ = (words - coefficients) & ~3;
    acc_ = reinterpret_cast<int32_t*>(words_ + even_columns * coefficients);
  }

  // Channels that are summed up at a time; between the accumulators of two columns.
  int32_t channels() const { return channels_; }
  // Whether the coefficients of the first channels are those of all.
  bool holds_all() const { return holds_all_; }

  // The coefficients of `columns` columns from row `row` on.
  uint32_t* coefficients(int32_t row, int32_t columns) {
    return words_ + (holds_all_ ? row / 2 * ((columns + 1) & ~1) : 0);
  }
  int32_t* acc(int32_t column) { return acc_ + column * channels_; }
  void ClearAcc() {
    memset(acc_, 0, static_cast<size_t>(columns_ * channels_) * sizeof(*acc_));
  }

 private:
  uint32_t words_[kTileWords];
  int32_t* acc_;
  int32_t columns_;
  int32_t channels_;
  bool holds_all_;
};

// Extents of the maps. A pointwise layer has one row of pixels.
struct Maps {
  explicit Maps(const ConvGeometry& g)
      : input_height(g.input_height),
        input_width(g.input_width),
        output_height(g.output_height),
        output_width(g.output_width) {
    const bool is_pointwise = g.filter_height == 1 && g.filter_width == 1 &&
                              g.stride_height == 1 && g.stride_width == 1 &&
                              g.padding_top == 0 && g.padding_left == 0 &&
                              input_height == output_height && input_width == output_width;
    if (is_pointwise) {
      input_width *= input_height;
      output_width = input_width;
      input_height = output_height = 1;
    }
  }

  int32_t input_height;
  int32_t input_width;
  int32_t output_height;
  int32_t output_width;
};

// Coefficients of `columns` pixels, `stride` mantissas apart, for output channels [first,
// first + count), count at most 2 * kPackedPairs.
__attribute__((noinline)) void PackPixels(Mantissas pixels, int32_t stride, int32_t columns,
                                          int32_t first, int32_t count,
                                          const GradientScaler& scaler,
                                          uint32_t* coefficients) {
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
__attribute__((noinline)) void PackChannels(Mantissas m, int32_t stride, int32_t columns,
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

// Sums of the pixels [x, x + columns) of row y and of the channels [first, first + count) of
// a filter part.
__attribute__((noinline)) void AccumulatePixels(const ConvGeometry& g, const Maps& maps, Mantissas gradient, const FilterPart& part,
                      const GradientScaler& scaler, int32_t y, int32_t x, int32_t columns,
                      int32_t first, int32_t count, bool has_coefficients, Tile* tile) {
  const int32_t filter_stride = g.filter_height * g.filter_width * part.channels();
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
      const int8_t* rows =
          part.weights + (ky * g.filter_width + kx) * part.channels() + first;
      for (int32_t o = 0; o < g.output_channels; o += 2 * kPackedPairs) {
        const int32_t row_count = Min(2 * kPackedPairs, g.output_channels - o);
        uint32_t* coefficients = tile->coefficients(o, reached);
        if (!has_coefficients) {
          PackPixels(m, g.output_channels, reached, o, row_count, scaler, coefficients);
        }
        MultiplyRows(rows + o * filter_stride, filter_stride, row_count, 0, count,
                     coefficients, reached, acc, tile->channels() * g.stride_width);
      }
    }
  }
}

// Sums of the output channels [0, columns) of `gradient` at a tap and of the input channels
// [0, count) of `input`.
__attribute__((noinline)) void AccumulateTap(const ConvFilterUpdateOptions& options, const Maps& maps,
                   const int8_t* input, Mantissas gradient, int32_t tap, int32_t columns,
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
    for (int32_t ox = map_columns.begin; ox < map_columns.end; ox += 2 * kPackedPairs) {
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      const int32_t row_count = Min(2 * kPackedPairs, map_columns.end - ox);
      const Mantissas m = gradient + (oy * maps.output_width + ox) * g.output_channels;
      const int8_t* pixel = input + (iy * maps.input_width + ix) * stride;
      if (row_count == 1 && columns == 1) {
        // Not worth unpacking: FULLY_CONNECTED.
        int32_t* acc = tile->acc(0);
        for (int32_t c = 0; c < count; ++c) acc[c] += m[0] * (pixel[c] - options.input_zero_point);
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

// Updates the weights of several output channels, rows, side by side.
class RowUpdater {
 public:
  // `in_pieces`: a row comes in several Updates.
  RowUpdater(const ConvFilterUpdateOptions& options, const FilterStep& step, float sigma,
             uint32_t state, bool in_pieces)
      : step_(step),
        sigma_(sigma),
        clamp_(options.clamp),
        in_pieces_(in_pieces),
        jump_(options.geometry.filter_height * options.geometry.filter_width *
              options.channels),
        states_{state} {}

  // Turns to the rows [first, first + count).
  void Start(int32_t first, int32_t count) {
    states_[0] = state();
    first_ = first;
    count_ = count;
    // Rows draw one after the other; those in pieces draw each from a state of its own.
    for (int32_t n = 1; in_pieces_ && n < count; ++n) {
      const Factor factor = FactorOf(n - 1);
      const bool draws = factor.trains() && factor.shift > 0;
      states_[n] = draws ? jump_(states_[n - 1]) : states_[n - 1];
    }
  }

  // Moves `count` weights of each row by accumulators that are `acc_stride` apart.
  __attribute__((noinline)) void Update(const int32_t* acc, int32_t acc_stride, int32_t count,
                                        TrainedWeights weights, int32_t weight_stride) {
    for (int32_t n = 0; n < count_; ++n) {
      if (!in_pieces_ && n > 0) states_[n] = states_[n - 1];
      const Factor factor = FactorOf(n);
      if (factor.trains()) {
        Random random(states_[n]);
        UpdateWeights(acc + n * acc_stride, count, factor, clamp_, weights + n * weight_stride,
                      &random);
        states_[n] = random.state();
      }
    }
  }

  // What the last row that was turned to left.
  uint32_t state() const { return states_[count_ - 1]; }

 private:
  __attribute__((noinline)) Factor FactorOf(int32_t n) const {
    return DecomposeFactor(step_.FactorOf(sigma_, first_ + n));
  }

  const FilterStep& step_;
  float sigma_;
  int32_t clamp_;
  bool in_pieces_;
  RandomJump jump_;
  int32_t first_ = 0;
  int32_t count_ = 1;
  uint32_t states_[kMaxColumns];
};

}  // namespace

GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const Maps maps(g);
  const InputGradScale scales(options, scale, multiplier);
  PackedGradientWriter writer(input_gradient, mask, scales.shift, options.gradient_bits);
  const int32_t max_columns = Min(kMaxColumns, maps.input_width);
  Tile tile(max_columns, g.output_channels,
                     g.filter_height == 1 && g.filter_width == 1, g.input_channels);
  for (int32_t y = 0; y < maps.input_height; ++y) {
    for (int32_t x = 0; x < maps.input_width; x += max_columns) {
      const int32_t columns = Min(max_columns, maps.input_width - x);
      bool has_coefficients = false;
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += tile.channels()) {
          const int32_t count = Min(tile.channels(), part.channels() - first);
          tile.ClearAcc();
          AccumulatePixels(g, maps, gradient, part, scales.scaler, y, x, columns, first, count,
                           has_coefficients, &tile);
          has_coefficients = tile.holds_all();
          for (int32_t n = 0; n < columns; ++n) {
            const int32_t pixel = (y * maps.input_width + x + n) * g.input_channels;
            writer.Write(pixel + part.begin + first, tile.acc(n), count);
          }
        }
      }
    }
  }
  return {scales.sigma, writer.max_abs()};
}

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
  const int32_t max_columns = Min(positions * g.output_channels >= 512 ? kMaxColumns : 1, g.output_channels);
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
