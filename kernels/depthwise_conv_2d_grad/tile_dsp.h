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
#include "kernels/depthwise_conv_2d_grad/input_planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/quad_run_dsp.h"
#include "kernels/depthwise_conv_2d_grad/small_map_dsp.h"
#include "kernels/depthwise_conv_2d_grad/strided_map_dsp.h"
#include "kernels/depthwise_conv_2d_grad/windows_dsp.h"

namespace tflm_training {

// Taps of a row, and of a column, that reach one input.
constexpr int32_t kMaxRowReach = 9;
constexpr int32_t kMaxColumnReach = 2 * kMaxPairs - 1;
// Pixels of a block: those whose results are on the stack.
constexpr int32_t kBlockPixels = 32;
// Beyond the planes: what windows of neighbours that are not there read.
constexpr int32_t kTileCells = kPlanes * kPlaneCells + kPlaneWidth;
constexpr int32_t kMaxJobs = 16;
constexpr int32_t kMaxPhases = 4;

// Where a mask lies: that of element i at begin + (i >> shift).
struct MaskPlace {
  const uint8_t* At(int32_t i) const { return begin + (static_cast<uint32_t>(i) >> shift); }

  const uint8_t* begin;
  int shift;
};

// What one call of the kernel works on.
struct GradientLayer {
  const ConvGeometry& geometry;
  Axis rows;
  Axis columns;
  Mantissas gradient;
  MutableMantissas result;
  const int16_t* multiplier;
  QuadMask mask;
  MaskPlace mask_place;
  int shift;
  int bits;
};

// What all pixels of a phase of the rows and of the columns share.
struct TilePhase {
  int32_t index;        // of the first pixel
  int32_t tap;          // of the first weight, from that of the channel
  const WindowJob* jobs;  // phases of the same rows have the same
  uint8_t row_taps;
  uint8_t column_taps;
  uint8_t lists;
  bool is_small;  // what SumSmallMap takes
  int16_t rows;     // a stride apart
  int16_t pixels;   // of a row
  int16_t cell;     // where the windows of the first column begin in a plane
  int16_t weights;  // where they begin in a plane
};

// A rectangle of inputs, four channels of it.
struct GradientTile {
  int32_t channel;
  bool is_regular;  // four channels begin at a word and at half a byte of a mask of bits
  bool is_strided;  // what SumStridedMap takes: one phase of all pixels
  bool is_whole;  // the rows of a block follow each other without gaps
  int16_t row_results;       // of a phase, a multiple of kNeighbours
  int16_t block_rows;        // of a phase
  int16_t gradient_columns;  // that are read
  Range columns;
  // What is in the planes: pairs of rows, and columns, some of them outside the map.
  Range pairs;
  Range outputs;
  PackTask pack;
  InputTask inputs;  // the weights of a phase
  int32_t row_step;  // from row to row of a phase
  int32_t gradient_begin;  // the first element of it that is read, of channel 0
  WindowTask sums;
  void (*write)(QuadRun* run);  // none where WriteAnyPixels is to
  QuadRun run;
  const TilePhase* end_phase;
  TilePhase phases[kMaxPhases];
  WindowJob jobs[kMaxJobs];
  uint32_t weights[kPlanes * kPlaneWeights];
  int16_t results[kBlockPixels * kPlanes];
  uint32_t cells[kTileCells];
};

// Fills the cells of the columns that are left over by PackColumns.
TFLM_TRAINING_SMALL inline void PackColumnsLeft(const GradientLayer& layer,
                                                const GradientTile& tile) {
  const PackTask& pack = tile.pack;
  const int32_t first = tile.gradient_begin + tile.channel;
  const int32_t rows = 2 * pack.pairs + pack.has_last;
  for (int32_t x = 2 * pack.columns; x < tile.gradient_columns; ++x) {
    uint32_t* cell = pack.cell - kPlaneCells + x;
    Quad upper = {0, 0};
    for (int32_t row = 0; row < rows + pack.has_last; ++row) {
      Quad quad = {0, 0};
      if (row < rows) {
        quad = LoadQuad(layer.gradient + (first + x * layer.geometry.output_channels +
                                          row * (pack.row_step / 2)));
      }
      if (row % 2 != 0) {
        StoreCell(upper, quad, kPlaneCells, cell);
        cell += kPlaneWidth;
      }
      upper = quad;
    }
  }
}

// Fills the cells that StartTile has planned; those outside the map are left alone.
TFLM_TRAINING_INLINE void PackGradient(const GradientLayer& layer, GradientTile* tile) {
  PackTask& pack = tile->pack;
  if (pack.columns > 0) {
    pack.column = layer.gradient.int16() + (tile->gradient_begin + tile->channel);
    PackColumns(&pack);
  }
  if (2 * pack.columns < tile->gradient_columns) PackColumnsLeft(layer, *tile);
}

// Lists of weights: one, of zeros, where no tap reaches a pixel.
inline int32_t ListsOf(int32_t taps) {
  return Max((taps + kListColumns - 1) / kListColumns, 1);
}
// Words of a list: the pairs of weights that begin with an even tap, and 0, or with an odd one.
inline int32_t ListWords(int32_t taps) { return (taps + 1) * kListColumns; }
// Words from the pairs (0, 1st), (2nd, 3rd), .. of taps to (1st, 2nd), (3rd, 4th), ..
inline int32_t SecondPairs(int32_t taps) { return (taps / 2 + 1) * kListColumns; }

// The weights that meet the pixels of a phase; `tap` is the first one of the tile's channel.
TFLM_TRAINING_SMALL inline void PackWeights(const TilePhase& phase, const int8_t* tap,
                                            GradientTile* tile) {
  InputTask& task = tile->inputs;
  if (tile->is_strided) {
    PackStridedWeights(tap, -task.column_step, tile->weights);
    return;
  }
  if (phase.is_small) {
    PackSmallWeights(tap + phase.tap, task.row_step, task.column_step,
                     tile->weights + phase.weights);
    return;
  }
  task.rows = phase.row_taps;
  task.cell_step = SecondPairs(task.rows) * 4;
  task.other_step = kListColumns * 4 - task.cell_step;
  task.input = tap + phase.tap;
  task.cell = tile->weights + phase.weights;
  for (int32_t left = phase.column_taps; left > 0; left -= kListColumns) {
    task.columns = Min(left, kListColumns);
    PackInputs(&task);
    task.input += kListColumns * task.column_step;
    task.cell += ListWords(task.rows);
  }
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_TILE_DSP_H_
