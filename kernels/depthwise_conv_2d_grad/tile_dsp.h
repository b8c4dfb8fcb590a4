// A rectangle of the result of a depthwise input gradient, for four channels: what it is made of,
// and its sums.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/mantissas.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/core/split_filter.h"
#include "kernels/depthwise_conv_2d_grad/axis_dsp.h"
#include "kernels/depthwise_conv_2d_grad/cells_dsp.h"

namespace tflm_training {

// What a tile may take of the stack: cells of 16 bytes, and columns.
constexpr int32_t kMaxCells = 72;
constexpr int32_t kMaxWeightCells = 36;
constexpr int32_t kMaxTileWidth = 16;
constexpr int32_t kMaxStride = 4;
constexpr int32_t kCellBytes = sizeof(uint32_t) * kCellWords;

constexpr int32_t kNoMultiplier = 32768;

// What one call of the kernel works on.
struct GradientLayer {
  const ConvGeometry& geometry;
  Axis rows;
  Axis columns;
  Mantissas gradient;
  MutableMantissas result;
  const int16_t* multiplier;
  QuadMask mask;
  int shift;
  int bits;

  // (acc * mu) / 2^(15 + shift), rounded half up, is SMMULR(acc, mu * 2^(17 - shift)).
  bool ScalesFast() const { return shift >= 2 && shift <= 17; }
  // All pairs of rows of the gradient.
  int32_t Pairs() const { return (geometry.output_height + 1) / 2; }
};

// The pixels of a row of a tile that have the same taps.
struct GradientRun {
  uintptr_t cells;  // what the first of them reads in the first pair of rows
  int32_t taps;
  int32_t taps_before;  // those of other runs, in the list of weights
  int32_t pixels;
  int32_t* sums;
};

// A rectangle of inputs, four channels of it.
struct GradientTile {
  int32_t channel;
  int32_t multiplier[kChannelGroup];
  int32_t scale[kChannelGroup];  // of SMMULR
  Range rows;
  Range columns;
  // What they read of the gradient: [pairs, outputs] cells.
  Range pairs;
  Range outputs;
  uint32_t cells[kMaxCells * kCellWords];
  GradientRun runs[kMaxStride];
  // The weights that meet one row: [phase of the column, pair, tap] cells.
  WeightCell weights[kMaxWeightCells];
  // The sums of one row.
  int32_t sums[kMaxTileWidth * kChannelGroup];
};

template <typename Mantissa>
void PackGradient(const ConvGeometry& g, const Mantissa* gradient, GradientTile* tile) {
  uint32_t* cell = tile->cells;
  const Range inside = {Max(tile->outputs.begin, 0), Min(tile->outputs.end, g.output_width)};
  const auto border = [&](int32_t count) {
    for (; count > 0; --count, cell += kCellWords) {
      StoreWords<0>(cell, 0, 0);
      StoreWords<2>(cell, 0, 0);
    }
  };
  for (int32_t pair = tile->pairs.begin; pair < tile->pairs.end; ++pair) {
    const bool has_lower = 2 * pair + 1 < g.output_height;
    const uint32_t keep_lower = has_lower ? 0xFFFFFFFFu : 0;
    const Mantissa* upper =
        gradient + (2 * pair * g.output_width + inside.begin) * g.output_channels + tile->channel;
    const Mantissa* lower = upper + (has_lower ? g.output_width * g.output_channels : 0);
    border(inside.begin - tile->outputs.begin);
    for (int32_t count = inside.end - inside.begin; count > 0; --count) {
      StoreCell(upper, lower, keep_lower, cell);
      upper += g.output_channels;
      lower += g.output_channels;
      cell += kCellWords;
    }
    border(tile->outputs.end - Max(inside.end, inside.begin));
  }
}

// The pairs of rows that the taps of a place lie in.
inline int32_t PairsOf(const Axis::Place& place) {
  return place.count == 0 ? 0 : ((place.first_output & 1) + place.count + 1) / 2;
}

// The weights that meet a row whose taps are those of `place`.
inline void PackWeights(const GradientLayer& layer, const FilterPart& part,
                        const Axis::Place& place, GradientTile* tile) {
  if (place.count == 0) return;
  const int32_t row_offset = (tile->outputs.end - tile->outputs.begin) * kCellBytes;
  const int32_t channels = part.channels();
  const int32_t step = layer.columns.stride * channels;
  const int8_t* const filter = part.weights + (tile->channel - part.begin);
  WeightCell* cell = tile->weights;
  for (int32_t phase = 0; phase < layer.columns.stride; ++phase) {
    const int32_t taps = layer.columns.TapsOf(phase);
    int32_t first_offset = 0;
    // The taps of a row lie in descending order; that of output first_output is the last one.
    for (int32_t row = -(place.first_output & 1); row < place.count; row += 2) {
      const uint32_t keep_upper = row >= 0 ? 0xFFFFFFFFu : 0;
      const uint32_t keep_lower = row + 1 < place.count ? 0xFFFFFFFFu : 0;
      const int32_t below = keep_lower != 0 ? row + 1 : row;
      const int32_t tap = place.phase + (place.count - 1 - below) * layer.rows.stride;
      const int8_t* lower =
          filter + (tap * layer.columns.taps + phase) * channels + (taps - 1) * step;
      const int32_t upper =
          (keep_upper & keep_lower) != 0 ? layer.rows.stride * layer.columns.taps * channels : 0;
      int32_t offset = first_offset;
      for (int32_t left = taps; left > 0; --left, ++cell) {
        cell->offset = offset;
        StoreCell(LoadWord(lower + upper) & keep_upper, LoadWord(lower) & keep_lower,
                  cell->words);
        lower -= step;
        offset += kCellBytes;
      }
      first_offset += row_offset;
    }
  }
}

// What SumRow needs to know of the columns of a tile.
inline void PlanRuns(const GradientLayer& layer, GradientTile* tile) {
  const Range columns = tile->columns;
  const int32_t stride = layer.columns.stride;
  for (int32_t i = 0; i < stride; ++i) {
    const Axis::Place place = layer.columns.PlaceOf(columns.begin + i);
    tile->runs[i] = {
        reinterpret_cast<uintptr_t>(tile->cells) +
            static_cast<uintptr_t>((place.first_output - tile->outputs.begin) * kCellBytes),
        place.count, layer.columns.TapsBefore(place.phase),
        (columns.end - columns.begin - 1 - i + stride) / stride, tile->sums + i * kChannelGroup};
  }
}

// The sums of the row whose taps are those of `place` and whose weights are packed.
inline void SumRow(int32_t stride, const Axis::Place& place, GradientTile* tile) {
  const int32_t first = place.first_output >> 1;
  const int32_t all = PairsOf(place);
  const int32_t begin = Max(first, tile->pairs.begin);
  const int32_t pairs = Min(first + all, tile->pairs.end) - begin;
  const auto row = static_cast<uintptr_t>((first - tile->pairs.begin) * kCellBytes *
                                          (tile->outputs.end - tile->outputs.begin));
  for (const GradientRun* run = tile->runs; run != tile->runs + stride; ++run) {
    SumPixels(run->cells + row,
              tile->weights + all * run->taps_before + (begin - first) * run->taps,
              pairs * run->taps, run->pixels, run->sums, stride * kChannelGroup);
  }
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_
