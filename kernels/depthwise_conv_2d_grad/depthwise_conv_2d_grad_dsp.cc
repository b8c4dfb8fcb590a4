// The depthwise gradients for the Arm DSP extension; how they work: README.md.
#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/weight_update.h"
#include "kernels/core/window_dsp.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"
#include "kernels/depthwise_conv_2d_grad/position_sums_dsp.h"
#include "kernels/depthwise_conv_2d_grad/reference.h"
#include "kernels/depthwise_conv_2d_grad/tile_dsp.h"

namespace tflm_training {
namespace {

// Where SMMULR cannot scale the sums of a row: what it then makes the results of.
TFLM_TRAINING_SMALL void ScaleExactly(const GradientLayer& layer, GradientTile* tile) {
  const int32_t count = (tile->columns.end - tile->columns.begin) * kChannelGroup;
  for (int32_t i = 0; i < count; ++i) {
    const int64_t total =
        static_cast<int64_t>(tile->sums[i]) * tile->multiplier[i % kChannelGroup];
    tile->sums[i] = Saturate(RoundingShift(total, 15 + layer.shift), layer.bits) * (1 << 16);
  }
}

// Writes row y from its sums.
TFLM_TRAINING_NOINLINE void FinishRow(const GradientLayer& layer, int32_t y, GradientTile* tile,
                                      QuadRange* all_mantissas) {
  if (!layer.ScalesFast()) ScaleExactly(layer, tile);
  const ConvGeometry& g = layer.geometry;
  // Locals: for all that a compiler knows, mantissas are written over what they come from.
  const MutableMantissas result = layer.result;
  const QuadMask mask = layer.mask;
  QuadRange mantissas = *all_mantissas;
  const int32_t scale[] = {tile->scale[0], tile->scale[1], tile->scale[2], tile->scale[3]};
  const int32_t channels = g.input_channels;
  const int32_t* sums = tile->sums;
  int32_t index = (y * g.input_width + tile->columns.begin) * channels + tile->channel;
  for (int32_t left = tile->columns.end - tile->columns.begin; left > 0; --left) {
    Quad quad = SaturatedQuad(Smmulr(sums[0], scale[0]), Smmulr(sums[1], scale[1]),
                              Smmulr(sums[2], scale[2]), Smmulr(sums[3], scale[3]),
                              static_cast<const int16_t*>(nullptr));
    if (result.is_int8()) quad = {Ssat16<8>(quad.even), Ssat16<8>(quad.odd)};
    quad = mask.Apply(index, quad);
    mantissas.Add(quad);
    result.Set4(index, quad.even, quad.odd);
    sums += kChannelGroup;
    index += channels;
  }
  *all_mantissas = mantissas;
}

void WriteTile(const GradientLayer& layer, const FilterPart& part, GradientTile* tile,
               QuadRange* mantissas) {
  const ConvGeometry& g = layer.geometry;
  const Range outputs = layer.rows.OutputsOf(tile->rows);
  tile->pairs = {Max(outputs.begin >> 1, 0), Min((outputs.end + 1) >> 1, layer.Pairs())};
  tile->outputs = layer.columns.OutputsOf(tile->columns);
  if (layer.gradient.is_int8()) {
    PackGradient(g, layer.gradient.int8(), tile);
  } else {
    PackGradient(g, layer.gradient.int16(), tile);
  }
  PlanRuns(layer, tile);
  // Rows of one phase that begin at the same row of a pair have the same weights.
  const int32_t step = 2 * g.stride_height;
  for (int32_t first = tile->rows.begin; first < Min(tile->rows.begin + step, tile->rows.end);
       ++first) {
    PackWeights(layer, part, layer.rows.PlaceOf(first), tile);
    for (int32_t y = first; y < tile->rows.end; y += step) {
      SumRow(g.stride_width, layer.rows.PlaceOf(y), tile);
      FinishRow(layer, y, tile, mantissas);
    }
  }
}

// How many rows and columns of inputs make a tile, at most those given: long rows cost less.
struct TileSize {
  TileSize(const GradientLayer& layer, int32_t most_rows)
      : rows(most_rows), columns(Min(layer.geometry.input_width, kMaxTileWidth)) {
    while (Cells(layer) > kMaxCells) --(rows > 1 ? rows : columns);
  }
  int32_t Cells(const GradientLayer& layer) const {
    return Min(layer.rows.MostOutputs(rows) / 2 + 1, layer.Pairs()) *
           layer.columns.MostOutputs(columns);
  }

  int32_t rows;
  int32_t columns;
};

// The rows given, of the channels of one part. The last group may overlap the one before.
TFLM_TRAINING_NOINLINE void WritePart(const GradientLayer& layer, const FilterPart& part,
                                      Range rows, QuadRange* mantissas) {
  const TileSize size(layer, rows.end - rows.begin);
  GradientTile tile;
  for (int32_t first = part.begin; first < part.end; first += kChannelGroup) {
    tile.channel = Min(first, part.end - kChannelGroup);
    for (int32_t c = 0; c < kChannelGroup; ++c) {
      const int32_t mu =
          layer.multiplier == nullptr ? kNoMultiplier : layer.multiplier[tile.channel + c];
      tile.multiplier[c] = mu;
      tile.scale[c] = layer.ScalesFast() ? mu << (17 - layer.shift) : 1 << 16;
    }
    for (int32_t y = rows.begin; y < rows.end; y += size.rows) {
      tile.rows = {y, Min(y + size.rows, rows.end)};
      for (int32_t x = 0; x < layer.geometry.input_width; x += size.columns) {
        tile.columns = {x, Min(x + size.columns, layer.geometry.input_width)};
        WriteTile(layer, part, &tile, mantissas);
      }
    }
  }
}

// How many rows from y on can be written while all that they are made of is still there.
TFLM_TRAINING_NOINLINE int32_t RowsFrom(const GradientLayer& layer,
                                        const ActivationMask& mask, int32_t y) {
  const ConvGeometry& g = layer.geometry;
  const int32_t size = layer.result.is_int8() ? 1 : 2;
  const int32_t inputs = g.input_width * g.input_channels;
  const int32_t outputs = g.output_width * g.output_channels;
  int32_t rows = g.input_height - y;
  // A source of so many bytes, which is read from byte `first` on.
  const auto keep = [&](const void* source, int32_t bytes,
                        int32_t first) __attribute__((noinline)) {
    const int8_t* const result = layer.result.int8();
    if (source == nullptr ||
        !Overlaps(result, g.input_height * inputs * size, source, bytes)) {
      return;
    }
    const auto room = static_cast<int32_t>(static_cast<const int8_t*>(source) - result) + first;
    rows = Min(rows, Max(room / (inputs * size) - y, 1));
  };
  const int32_t first = Clamp(layer.rows.OutputsOf({y, y + 1}).begin, 0, g.output_height);
  keep(layer.gradient.int8(), g.output_height * outputs * size, first * outputs * size);
  keep(mask.values, g.input_height * inputs, y * inputs);
  keep(mask.bits, MaskBytes(g.input_height * inputs), y * inputs / 8);
  return rows;
}

// Writes the whole result and returns its largest magnitude.
int32_t WriteAll(const GradientLayer& layer, const SplitFilter& filter,
                 const ActivationMask& mask) {
  const ConvGeometry& g = layer.geometry;
  QuadRange mantissas;
  for (int32_t y = 0, end = 0; y < g.input_height; y = end) {
    end = y + RowsFrom(layer, mask, y);
    for (const FilterPart& part : filter) WritePart(layer, part, {y, end}, &mantissas);
  }
  // The bound on the sums keeps mantissas in their range, but for the last rounding.
  const int32_t limit = MantissaLimit(layer.bits);
  if (mantissas.max_abs() <= limit) return mantissas.max_abs();
  const int32_t inputs = g.input_height * g.input_width * g.input_channels;
  for (int32_t i = 0; i < inputs; ++i) {
    layer.result.Set(i, Clamp(layer.result[i], -limit, limit));
  }
  return limit;
}

TFLM_TRAINING_SMALL void UpdateAnyWeight(TrainedWeights weight, int32_t acc, Factor factor,
                                          int32_t clamp, Random* random) {
  UpdateWeight(weight, acc, factor, clamp, random);
}

// Moves one weight; as UpdateWeight, which it is but for what nearly every weight is.
void StepWeight(const ConvFilterUpdateOptions& options, float factor_value, int32_t acc,
                TrainedWeights weight, Random* random) {
  const Factor factor = DecomposeFactor(factor_value);
  if (!factor.trains()) return;
  if (factor.shift <= 0 || weight.fractions != nullptr) {
    UpdateAnyWeight(weight, acc, factor, options.clamp, random);
    return;
  }
  // (t + r) >> sh, clamped, is the step of the clamped t: see weight_update_dsp.h.
  const auto addend = static_cast<int32_t>(random->Next() >> (32 - factor.shift));
  const int32_t step = Clamp(Smmla(acc, factor.multiplier, addend) >> factor.shift,
                             -options.clamp, options.clamp);
  *weight.values =
      static_cast<int8_t>(Clamp(*weight.values - step, -kWeightLimit, kWeightLimit));
}

// Whether the fast path takes a layer.
bool IsUsual(const ConvGeometry& g) {
  const int32_t rows = (g.filter_height + g.stride_height - 1) / g.stride_height;
  return g.output_channels == g.input_channels && g.dilation_height == 1 &&
         g.dilation_width == 1 && g.stride_width <= kMaxStride &&
         (rows / 2 + 1) * g.filter_width <= kMaxWeightCells;
}

bool IsUsual(const SplitFilter& filter) {
  for (const FilterPart& part : filter) {
    if (part.channels() < kChannelGroup) return false;
  }
  return true;
}

}  // namespace

GradientScale DepthwiseConv2DInputGrad(const ConvInputGradOptions& options,
                                       Mantissas gradient, GradientScale scale,
                                       const SplitFilter& filter, const int16_t* multiplier,
                                       ActivationMask mask, MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  if (!IsUsual(g) || !IsUsual(filter)) {
    return ReferenceDepthwiseConv2DInputGrad(options, gradient, scale, filter, multiplier, mask,
                                               input_gradient);
  }
  const uint64_t bound = static_cast<uint64_t>(scale.max_abs) *
                         static_cast<uint64_t>(options.weight_bound);
  const int bits = options.gradient_bits;
  const int shift = Max(-15, Bits(bound) - bits);
  const GradientLayer layer = {g,
                       {g.filter_height, g.stride_height, g.padding_top},
                       {g.filter_width, g.stride_width, g.padding_left},
                       gradient,
                       input_gradient,
                       multiplier,
                       QuadMask(mask),
                       shift,
                       bits};
  const int32_t max_abs = WriteAll(layer, filter, mask);
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift), max_abs};
}

void DepthwiseConv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                                 Mantissas gradient, GradientScale scale,
                                 const FilterStep& step, TrainedWeights filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  if (g.output_channels != g.input_channels || options.channels < kChannelGroup) {
    ReferenceDepthwiseConv2DFilterUpdate(options, input, gradient, scale, step, filter, random);
    return;
  }
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.output_channels : options.filter_channels;
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    for (int32_t kx = 0; kx < g.filter_width; ++kx, filter = filter + filter_channels) {
      const TapWindow window(options, ky, kx);
      for (int32_t first = 0; first < options.channels; first += kChannelGroup) {
        const int32_t channel = Min(first, options.channels - kChannelGroup);
        const GroupSums acc =
            gradient.is_int8() ? SumPositions(options, window, input, gradient.int8(), channel)
                               : SumPositions(options, window, input, gradient.int16(), channel);
        // Channels that the group before has updated are left out.
        const int32_t sums[] = {acc.a, acc.b, acc.c, acc.d};
        for (int32_t o = first; o < Min(first + kChannelGroup, options.channels); ++o) {
          StepWeight(options, step.FactorOf(scale.sigma, o), sums[o - channel], filter + o,
                     random);
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif
