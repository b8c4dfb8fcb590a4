// The depthwise gradients for the Arm DSP extension; how they work: README.md.
#include "kernels/core/optimize_dsp.h"

#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/depthwise_conv_2d_grad/any_layer_dsp.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"
#include "kernels/depthwise_conv_2d_grad/filter_update_dsp.h"
#include "kernels/depthwise_conv_2d_grad/plan_dsp.h"
#include "kernels/depthwise_conv_2d_grad/tile_dsp.h"

namespace tflm_training {
namespace {

// Writes the pixels of a run, the first one at `index`, from their results.
TFLM_TRAINING_NOINLINE void WriteAnyPixels(const GradientLayer& layer, int32_t index,
                                           QuadRun* run) {
  for (const int16_t* results = run->from; results != run->end; results += kPlanes) {
    Quad quad = LoadQuad(results);
    if (layer.result.is_int8()) quad = {Ssat16<8>(quad.even), Ssat16<8>(quad.odd)};
    quad = layer.mask.Apply(index, quad);
    run->range.Add(quad);
    layer.result.Set4(index, quad.even, quad.odd);
    index += run->step / 2;
  }
}

// Writes four channels of the pixels of a phase.
TFLM_TRAINING_NOINLINE void WritePhase(const GradientLayer& layer, const TilePhase& phase,
                                       GradientTile* tile) {
  WindowTask& sums = tile->sums;
  QuadRun& run = tile->run;
  sums.lists = phase.lists;
  sums.cells = tile->cells + phase.cell;
  sums.weights = tile->weights + phase.weights;
  sums.job = phase.jobs;
  int32_t index = phase.index + tile->channel;
  for (int32_t rows, left = phase.rows; left > 0; left -= rows) {
    rows = Min(left, tile->block_rows);
    const int32_t results = rows * tile->row_results;
    sums.results_end = tile->results + results * kPlanes;
    if (tile->is_strided) {
      SumStridedMap(&sums);
      sums.cells += kPlaneWidth;
    } else if (phase.is_small) {
      SumSmallMap(&sums);
    } else {
      SumWindows(&sums);
      sums.job += static_cast<uint32_t>(results) / kNeighbours;
    }
    // Rows without gaps between them are written as one.
    const int32_t merged = tile->is_whole ? rows : 1;
    const int16_t* from = tile->results;
    for (int32_t row = rows; row > 0; row -= merged) {
      run.from = from;
      run.end = from + merged * phase.pixels * kPlanes;
      if (tile->write == nullptr) {
        WriteAnyPixels(layer, index, &run);
      } else {
        run.to = layer.result.int16() + index;
        run.mask = layer.mask_place.At(index);
        tile->write(&run);
      }
      from += tile->row_results * kPlanes;
      index += merged * tile->row_step;
    }
  }
}

// Writes a tile of the channels of one part. The last group may overlap the one before.
TFLM_TRAINING_SMALL void WriteChannels(const GradientLayer& layer, const FilterPart& part,
                                       GradientTile* tile) {
  // (acc * mu) / 2^(15 + shift), rounded half up, is SMMULR(acc, mu * 2^(17 - shift)).
  const int up = 17 - layer.shift;
  for (int32_t& scale : tile->sums.scales) scale = kNoMultiplier << up;
  for (int32_t first = part.begin; first < part.end; first += kPlanes) {
    tile->channel = Min(first, part.end - kPlanes);
    if (layer.multiplier != nullptr) {
      const int16_t* const mu = layer.multiplier + tile->channel;
      tile->sums.scales[0] = mu[0] << up;
      tile->sums.scales[1] = mu[1] << up;
      tile->sums.scales[2] = mu[2] << up;
      tile->sums.scales[3] = mu[3] << up;
    }
    if (layer.mask.values() == nullptr) {
      tile->run.mask_factor = kMaskFactor >> (tile->channel & 7);
    }
    PackGradient(layer, tile);
    for (const TilePhase* phase = tile->phases; phase != tile->end_phase; ++phase) {
      PackWeights(*phase, part.weights + (tile->channel - part.begin), tile);
      WritePhase(layer, *phase, tile);
    }
  }
}

// The rows given, of the channels of one part.
TFLM_TRAINING_SMALL void WritePart(const GradientLayer& layer, const FilterPart& part,
                                      Range rows, QuadRange* range) {
  const ConvGeometry& g = layer.geometry;
  GradientTile tile;
  tile.run.range = *range;
  tile.is_regular = ((part.begin | part.end) & 3) == 0 && (g.input_channels & 7) == 0 &&
                    ((reinterpret_cast<uintptr_t>(layer.gradient.int8()) |
                      reinterpret_cast<uintptr_t>(layer.result.int8())) & 3) == 0;
  for (int32_t y = rows.begin, end; y < rows.end; y = end) {
    end = Min(y + kMaxJobs * g.stride_height, rows.end);
    tile.is_strided = IsStridedMap(g) && y % kStridedRows == 0;
    const int32_t stride = tile.is_strided ? 1 : g.stride_width;
    for (int32_t x = 0; x < g.input_width; x = tile.columns.end) {
      // As many rows and columns as the planes hold.
      for (int32_t width = 2 * kNeighbours * stride;; width /= 2) {
        tile.columns = {x, Min(x + width, g.input_width)};
        tile.outputs = layer.columns.OutputsOf(tile.columns);
        if (tile.outputs.end - tile.outputs.begin <= kPlaneWidth) break;
      }
      // The first columns are the widest: rows that they have room for are those of all.
      for (;; --end) {
        if (PlanTile(layer, part.channels(), {y, end}, &tile)) break;
      }
      StartTile(layer, part.channels(), &tile);
      Clear(tile.cells, kTileCells);
      Clear(tile.weights, kPlanes * kPlaneWeights);
      WriteChannels(layer, part, &tile);
    }
  }
  *range = tile.run.range;
}

// How many rows from y on can be written while all that they are made of is still there.
TFLM_TRAINING_SMALL int32_t RowsFrom(const GradientLayer& layer, int32_t y) {
  const ConvGeometry& g = layer.geometry;
  const int32_t size = layer.result.is_int8() ? 1 : 2;
  const int32_t inputs = g.input_width * g.input_channels;
  const auto result = reinterpret_cast<uintptr_t>(layer.result.int8());
  int32_t rows = g.input_height - y;
  // A source that is read from `first` on. If it begins below the result it shares no memory
  // with it.
  const auto keep = [&](const void* source, const void* first) TFLM_TRAINING_SMALL {
    if (reinterpret_cast<uintptr_t>(source) < result) return;
    const uintptr_t room = (reinterpret_cast<uintptr_t>(first) - result) /
                           static_cast<uintptr_t>(inputs * size);
    if (room < static_cast<uintptr_t>(y + rows)) rows = Max(static_cast<int32_t>(room) - y, 1);
  };
  const int32_t first = Clamp(layer.rows.OutputsOf({y, y + 1}).begin, 0, g.output_height);
  keep(layer.gradient.int8(),
       layer.gradient.int8() + first * g.output_width * g.output_channels * size);
  keep(layer.mask_place.begin, layer.mask_place.At(y * inputs));
  return rows;
}

// Writes the whole result and returns its largest magnitude.
int32_t WriteAll(const GradientLayer& layer, const SplitFilter& filter) {
  const ConvGeometry& g = layer.geometry;
  QuadRange mantissas;
  for (int32_t y = 0, end = 0; y < g.input_height; y = end) {
    end = y + RowsFrom(layer, y);
    for (const FilterPart& part : filter) WritePart(layer, part, {y, end}, &mantissas);
  }
  const int32_t inputs = g.input_height * g.input_width * g.input_channels;
  return mantissas.Clamp(layer.result, inputs, layer.bits);
}

MaskPlace PlaceOfMask(const ActivationMask& mask) {
  static const uint8_t kAll = 0xFF;
  if (mask.values != nullptr) return {reinterpret_cast<const uint8_t*>(mask.values), 0};
  if (mask.bits != nullptr) return {mask.bits, 3};
  return {&kAll, 31};
}

// Whether the fast path takes a layer.
bool IsUsual(const ConvGeometry& g) {
  if (g.output_channels != g.input_channels || g.dilation_height > 1 || g.dilation_width > 1 ||
      g.stride_height * g.stride_width > kMaxPhases ||
      g.filter_height > kMaxColumnReach * g.stride_height ||
      g.filter_width > kMaxRowReach * g.stride_width) {
    return false;
  }
  // No phase has more taps than the first one, nor fewer than the last one.
  const Axis columns = {g.filter_width, g.stride_width, 0};
  const int32_t lists = (g.stride_width - 1) * ListsOf(columns.TapsOf(0)) +
                        ListsOf(columns.TapsOf(g.stride_width - 1));
  return (g.filter_height + g.stride_height) * kListColumns * lists <= kPlaneWeights;
}

bool IsUsual(const SplitFilter& filter) {
  for (const FilterPart& part : filter) {
    if (part.channels() < kPlanes) return false;
  }
  return true;
}

}  // namespace

TFLM_TRAINING_SMALL
GradientScale DepthwiseConv2DInputGrad(const ConvInputGradOptions& options,
                                       Mantissas gradient, GradientScale scale,
                                       const SplitFilter& filter, const int16_t* multiplier,
                                       ActivationMask mask, MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const int shift = InputGradShift(options, scale);
  const GradientLayer layer = {g,
                       {g.filter_height, g.stride_height, g.padding_top},
                       {g.filter_width, g.stride_width, g.padding_left},
                       gradient,
                       input_gradient,
                       multiplier,
                       QuadMask(mask),
                       PlaceOfMask(mask),
                       shift,
                       options.gradient_bits};
  const bool is_usual = IsUsual(g) && IsUsual(filter) && shift >= 2 && shift <= 17;
  const int32_t max_abs =
      is_usual ? WriteAll(layer, filter) : WriteAnyInputGrad(layer, filter, mask);
  return {InputGradSigma(options, scale, shift), max_abs};
}

TFLM_TRAINING_SMALL
void DepthwiseConv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                                 Mantissas gradient, GradientScale scale,
                                 const FilterStep& step, TrainedWeights filter, Random* random) {
  if (!UpdateUsualFilter(options, input, gradient, scale.sigma, step, filter, random)) {
    UpdateAnyFilter(options, input, gradient, scale.sigma, step, filter, random);
  }
}

}  // namespace tflm_training

#endif
