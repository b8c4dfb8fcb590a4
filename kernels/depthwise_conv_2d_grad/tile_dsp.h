// A rectangle of the result of a depthwise input gradient, for four channels: what it is made of.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/mantissas.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/core/split_filter.h"
#include "kernels/depthwise_conv_2d_grad/axis_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/quad_run_dsp.h"

namespace tflm_training {

// Taps of a row or column that reach one input.
constexpr int32_t kMaxReach = 2 * kMaxPairs;
// Pixels of a block: those whose results are on the stack.
constexpr int32_t kBlockPixels = 24;
constexpr int32_t kTileCells = kPlanes * kPlaneCells + kPlaneWidth;
constexpr int32_t kMaxBlocks = 8;
constexpr int32_t kMaxPhases = 4;

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
};

// Rows of inputs of one phase, a stride apart, that meet the same pairs of rows of weights.
struct RowBlock {
  int16_t y;
  int16_t first_output;
  int16_t rows;
  int8_t pairs_begin;
  int8_t pairs_end;
};

// What all pixels of a phase of the rows and of the columns share.
struct TilePhase {
  Axis::Place row;
  Axis::Place column;
  int16_t x;
  int16_t pixels;       // of a row
  int16_t row_results;  // the same, rounded up to neighbours
  const RowBlock* first_block;
  const RowBlock* end_block;
};

// A rectangle of inputs, four channels of it.
struct GradientTile {
  int32_t channel;
  bool is_regular;  // four channels begin at a word and at half a byte of a mask of bits
  int32_t scales[kPlanes];
  Range rows;
  Range columns;
  // What is in the planes: rows of cells, and columns, some of them outside the map.
  Range cell_rows;
  Range outputs;
  WindowTask sums;
  QuadRun run;
  bool is_fast;
  bool is_whole;  // the rows of a block follow each other without gaps
  PackTask pack;
  int32_t gradient_columns;
  int32_t gradient_begin;  // of the first row, -1 or later
  uint32_t* first_column;
  TilePhase* end_phase;
  TilePhase phases[kMaxPhases];
  RowBlock blocks[kMaxBlocks];
  uint32_t weights[kPlanes * kPlaneWeights];
  int16_t results[kBlockPixels * kPlanes];
  // Beyond the planes: what windows of neighbours that are not there read.
  uint32_t cells[kTileCells];
};

// Four mantissas of int16 or int8.
TFLM_TRAINING_INLINE Quad LoadMantissas(Mantissas m, int32_t index) {
  return m.is_int8() ? LoadQuad(m.int8() + index) : LoadQuad(m.int16() + index);
}

// The cells of the columns inside the map; those outside are left alone.
TFLM_TRAINING_NOINLINE inline void PackGradient(const ConvGeometry& g, Mantissas gradient,
                                                GradientTile* tile) {
  PackTask& pack = tile->pack;
  int32_t left = tile->gradient_columns;
  int32_t index = tile->gradient_begin + tile->channel;
  uint32_t* column = tile->first_column;
  if (!gradient.is_int8() && tile->is_regular && pack.rows > 0) {
    for (; left > 1; left -= 2) {
      pack.columns[0] = gradient.int16() + (index + pack.row_step / 2);
      pack.columns[1] = pack.columns[0] + g.output_channels;
      pack.cell = column + kPlaneCells;
      PackColumns(&pack);
      index += 2 * g.output_channels;
      column += 2;
    }
  }
  for (; left > 0; --left) {
    const int32_t row = pack.row_step / 2;
    Quad upper = {0, 0};
    uint32_t* cell = column++ - kPlaneWidth;
    for (int32_t i = 0; i <= pack.rows + pack.has_last; ++i) {
      Quad lower = {0, 0};
      if (i == 0 ? pack.has_first : i <= pack.rows) {
        lower = LoadMantissas(gradient, index + i * row);
      }
      if (i > 0) StoreCell(upper, lower, kPlaneCells, cell);
      upper = lower;
      cell += kPlaneWidth;
    }
    index += g.output_channels;
  }
}

// Lists of weights: one, of zeros, where no tap reaches a pixel.
inline int32_t ListsOf(const Axis::Place& place) {
  return Max((place.count + kListColumns - 1) / kListColumns, 1);
}
inline int32_t PairsOf(const Axis::Place& place) { return (place.count + 1) / 2; }

// The weights that meet the pixels of a phase.
TFLM_TRAINING_NOINLINE inline void PackWeights(const GradientLayer& layer, const FilterPart& part,
                                               const TilePhase& phase, GradientTile* tile) {
  static const int8_t kNoTap[4] = {0, 0, 0, 0};
  const int32_t count = phase.column.count;
  const int32_t channels = part.channels();
  const int32_t row_step = layer.rows.stride * layer.columns.taps * channels;
  const int32_t column_step = layer.columns.stride * channels;
  uint32_t* cell = tile->weights;
  // Taps lie in descending order: those of first_output are the last ones.
  const int8_t* corner = part.weights + (tile->channel - part.begin) +
                         (phase.row.count - 1) * row_step + (count - 1) * column_step +
                         (phase.row.phase * layer.columns.taps + phase.column.phase) * channels;
  if (count == 0) Clear(tile->weights, kPlanes * kPlaneWeights);
  for (int32_t first = 0; first < count; first += kListColumns) {
    const int8_t* tap = corner - first * column_step;
    const int32_t columns = Min(count - first, kListColumns);
    for (int32_t rows = phase.row.count; rows > 0; rows -= 2) {
      const int8_t* upper = tap;
      const int8_t* lower = rows > 1 ? tap - row_step : kNoTap;
      const int32_t lower_step = rows > 1 ? column_step : 0;
      uint32_t* const next = cell + kListColumns;
      for (int32_t left = columns; left > 0; --left) {
        StoreCell(LoadQuad(upper), LoadQuad(lower), kPlaneWeights, cell++);
        upper -= column_step;
        lower -= lower_step;
      }
      while (cell != next) StoreCell({0, 0}, {0, 0}, kPlaneWeights, cell++);
      tap -= 2 * row_step;
    }
    // Where the next list begins.
    const int32_t next = first + columns < count ? (first + columns) * 4 : 0;
    for (int32_t i = 0; i < kPlanes; ++i) cell[i * kPlaneWeights] = static_cast<uint32_t>(next);
    ++cell;
  }
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_
