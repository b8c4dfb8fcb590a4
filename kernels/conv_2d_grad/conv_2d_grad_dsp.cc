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
constexpr int32_t kChunkPairs = 16;

// Coefficients and accumulators of up to kMaxColumns columns, 1280 bytes. Where all rows fit,
// their coefficients are made once for all channels; where they do not, rows come in chunks and
// the more channels are summed up at a time.
class Tile {
 public:
  Tile(int32_t columns, int32_t row_count, bool is_whole) {
    const int32_t words = kTileWords / columns;
    const int32_t pairs = PairsOf(row_count);
    holds_all_ = is_whole && pairs + 4 <= words;
    pairs_ = holds_all_ ? pairs : Min(pairs, kChunkPairs);
    channels_ = (words - pairs_) & ~3;
    acc_ = reinterpret_cast<int32_t*>(words_ + columns * pairs_);
    columns_ = columns;
  }

  // Rows that are multiplied at a time.
  int32_t rows() const { return 2 * pairs_; }
  // Channels that are summed up at a time; between the accumulators of two columns.
  int32_t channels() const { return channels_; }
  // Whether the coefficients of the first channels are those of all.
  bool holds_all() const { return holds_all_; }

  uint32_t* coefficients() { return words_; }
  int32_t* acc(int32_t column) { return acc_ + column * channels_; }
  void ClearAcc() {
    memset(acc_, 0, static_cast<size_t>(columns_ * channels_) * sizeof(*acc_));
  }

 private:
  uint32_t words_[kTileWords];
  int32_t* acc_;
  int32_t columns_;
  int32_t pairs_;
  int32_t channels_;
  bool holds_all_;
};

// Coefficients of `columns` pixels, `stride` mantissas apart, for output channels [first,
// first + count).
void PackPixels(Mantissas pixels, int32_t stride, int32_t columns, int32_t first, int32_t count,
                const GradientScaler& scaler, uint32_t* coefficients) {
  const int32_t pairs = PairsOf(count);
  for (int32_t n = 0; n < columns; ++n) {
    const Mantissas m = pixels + (n * stride + first);
    const int32_t step = CoefficientStep(n, columns);
    uint32_t* to = coefficients + CoefficientIndex(n, columns, pairs);
    int32_t o = 0;
    for (; o + 1 < count; o += 2) {
      *to = scaler.Pair(m.Pair(o), first + o);
      to += step;
    }
    if (o < count) *to = static_cast<uint32_t>(scaler(m[o], first + o)) & 0xFFFFu;
  }
}

// Coefficients of output channels [0, columns) for `count` pixels, `stride` mantissas apart.
void PackChannels(Mantissas m, int32_t stride, int32_t columns, int32_t count,
                  uint32_t* coefficients) {
  const int32_t pairs = PairsOf(count);
  for (int32_t n = 0; n < columns; ++n) {
    const int32_t step = CoefficientStep(n, columns);
    uint32_t* to = coefficients + CoefficientIndex(n, columns, pairs);
    for (int32_t p = 0; p < count; p += 2) {
      const int32_t first = p * stride + n;
      const int32_t second = p + 1 < count ? m[first + stride] : 0;
      *to = PkhbtLsl16(static_cast<uint32_t>(m[first]), static_cast<uint32_t>(second));
      to += step;
    }
  }
}

// Sums of the pixels [x, x + columns) of row y and of the channels [first, first + count) of
// a filter part.
void AccumulatePixels(const ConvGeometry& g, Mantissas gradient, const FilterPart& part,
                      const GradientScaler& scaler, int32_t y, int32_t x, int32_t columns,
                      int32_t first, int32_t count, bool has_coefficients, Tile* tile) {
  const int32_t filter_stride = g.filter_height * g.filter_width * part.channels();
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(y, g.output_height, g.stride_height, g.padding_top,
                                      ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      // Every stride_width-th of the pixels is reached, by outputs that are neighbours.
      const int32_t offset_x = kx * g.dilation_width - g.padding_left - x;
      const Range reaching =
          OutputsInside(g.output_width, columns, g.stride_width, 0, offset_x);
      const int32_t reached = reaching.end - reaching.begin;
      if (reached <= 0) continue;
      int32_t* acc = tile->acc(reaching.begin * g.stride_width + offset_x);
      const Mantissas m =
          gradient + (oy * g.output_width + reaching.begin) * g.output_channels;
      const int8_t* rows =
          part.weights + (ky * g.filter_width + kx) * part.channels() + first;
      for (int32_t o = 0; o < g.output_channels; o += tile->rows()) {
        const int32_t row_count = Min(tile->rows(), g.output_channels - o);
        if (!has_coefficients) {
          PackPixels(m, g.output_channels, reached, o, row_count, scaler,
                     tile->coefficients());
        }
        MultiplyRows(rows + o * filter_stride, filter_stride, row_count, 0, count,
                     tile->coefficients(), reached, acc, tile->channels() * g.stride_width);
      }
    }
  }
}

// Sums of the output channels [0, columns) of `gradient` at tap (ky, kx) and of the input
// channels [0, count) of `input`.
void AccumulateTap(const ConvFilterUpdateOptions& options, const ConvGeometry& g,
                   const int8_t* input, Mantissas gradient, int32_t ky, int32_t kx,
                   int32_t columns, int32_t count, bool has_coefficients, Tile* tile) {
  const int32_t offset_y = ky * g.dilation_height;
  const int32_t offset_x = kx * g.dilation_width;
  const Range map_rows = OutputsInside(g.output_height, g.input_height, g.stride_height,
                                       g.padding_top, offset_y);
  const Range map_columns = OutputsInside(g.output_width, g.input_width, g.stride_width,
                                          g.padding_left, offset_x);
  const int32_t stride = options.InputStride();
  for (int32_t oy = map_rows.begin; oy < map_rows.end; ++oy) {
    const int32_t iy = oy * g.stride_height - g.padding_top + offset_y;
    for (int32_t ox = map_columns.begin; ox < map_columns.end; ox += tile->rows()) {
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      const int32_t row_count = Min(tile->rows(), map_columns.end - ox);
      if (!has_coefficients) {
        PackChannels(gradient + (oy * g.output_width + ox) * g.output_channels,
                     g.output_channels, columns, row_count, tile->coefficients());
      }
      MultiplyRows(input + (iy * g.input_width + ix) * stride, g.stride_width * stride,
                   row_count, -options.input_zero_point, count, tile->coefficients(), columns,
                   tile->acc(0), tile->channels());
    }
  }
}

// A pointwise layer as one row of pixels.
ConvGeometry Flattened(ConvGeometry g) {
  const bool is_pointwise = g.filter_height == 1 && g.filter_width == 1 &&
                            g.stride_height == 1 && g.stride_width == 1 &&
                            g.padding_top == 0 && g.padding_left == 0 &&
                            g.input_height == g.output_height &&
                            g.input_width == g.output_width;
  if (is_pointwise) {
    g.input_width *= g.input_height;
    g.output_width = g.input_width;
    g.input_height = g.output_height = 1;
  }
  return g;
}

}  // namespace

GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const InputGradScale scales(options, scale, multiplier);
  const SaturatingRoundingShift shift(scales.shift);
  PackedGradientWriter writer(input_gradient, mask, options.gradient_bits);
  const int32_t max_columns = Min(kMaxColumns, g.input_width);
  Tile tile(max_columns, g.output_channels, g.filter_height == 1 && g.filter_width == 1);
  for (int32_t y = 0; y < g.input_height; ++y) {
    for (int32_t x = 0; x < g.input_width; x += max_columns) {
      const int32_t columns = Min(max_columns, g.input_width - x);
      bool has_coefficients = false;
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += tile.channels()) {
          const int32_t count = Min(tile.channels(), part.channels() - first);
          tile.ClearAcc();
          AccumulatePixels(g, gradient, part, scales.scaler, y, x, columns, first, count,
                           has_coefficients, &tile);
          has_coefficients = tile.holds_all();
          for (int32_t n = 0; n < columns; ++n) {
            const int32_t pixel = (y * g.input_width + x + n) * g.input_channels;
            writer.Write(pixel + part.begin + first, tile.acc(n), count, shift);
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
  const ConvGeometry g = Flattened(options.geometry);
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.input_channels : options.filter_channels;
  // Columns share the unpacking of the pixels, but the jump has to be worth its making.
  const int32_t positions = g.output_height * g.output_width;
  const int32_t max_columns =
      positions > 1 && positions * g.output_channels >= 512 ? Min(kMaxColumns, g.output_channels) : 1;
  const RandomJump jump(max_columns == 1 ? 0 : taps * options.channels);
  struct {
    Factor factor;
    uint32_t state;
  } rows[kMaxColumns];
  Tile tile(max_columns, g.output_width, taps == 1 && g.output_height == 1);
  uint32_t state = random->state();
  for (int32_t o = 0; o < g.output_channels; o += max_columns) {
    const int32_t columns = Min(max_columns, g.output_channels - o);
    bool any_trains = false;
    for (int32_t n = 0; n < columns; ++n) {
      rows[n] = {DecomposeFactor(step.FactorOf(scale.sigma, o + n)), state};
      if (!rows[n].factor.trains()) continue;
      any_trains = true;
      if (rows[n].factor.shift > 0 && n + 1 < columns) state = jump(state);
    }
    if (!any_trains) continue;
    bool has_coefficients = false;
    for (int32_t tap = 0; tap < taps; ++tap) {
      for (int32_t first = 0; first < options.channels; first += tile.channels()) {
        const int32_t count = Min(tile.channels(), options.channels - first);
        tile.ClearAcc();
        AccumulateTap(options, g, input + first, gradient + o, tap / g.filter_width,
                      tap % g.filter_width, columns, count, has_coefficients, &tile);
        has_coefficients = tile.holds_all();
        for (int32_t n = 0; n < columns; ++n) {
          if (!rows[n].factor.trains()) continue;
          const TrainedWeights weights = filter + ((o + n) * taps + tap) * filter_channels + first;
          Random draws(rows[n].state);
          UpdateWeights(tile.acc(n), count, rows[n].factor, options.clamp, weights, &draws);
          rows[n].state = draws.state();
        }
      }
    }
    state = rows[columns - 1].state;
  }
  *random = Random(state);
}

}  // namespace tflm_training

#endif  // TFLM_TRAINING_DSP_KERNELS
