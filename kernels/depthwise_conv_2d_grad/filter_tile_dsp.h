// A rectangle of outputs whose part in a depthwise filter gradient is summed up at once.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_TILE_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_TILE_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/mantissas.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/depthwise_conv_2d_grad/input_planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/tap_sums_dsp.h"

namespace tflm_training {

// Columns of taps that are summed up together: their inputs are neighbours in one phase of the
// stride. With a dilation each column is a group.
struct TapColumns {
  // Those whose first one is kx; none where that is in the group of another one.
  TapColumns(const ConvGeometry& g, int32_t kx) : first(kx), offset(kx * g.dilation_width) {
    if (g.dilation_width > 1) {
      count = 1;
    } else if (kx / g.stride_width % kTapGroup == 0) {
      count = Min((g.filter_width - kx + g.stride_width - 1) / g.stride_width, kTapGroup);
    }
  }

  int32_t first;
  int32_t offset;  // of the first one, columns of inputs
  int32_t count = 0;
};

// How the outputs are cut into tiles: planes of the gradient, and of inputs for a group of taps.
struct FilterTiling {
  // For planes of so many cells; pairs is 0 if that is too little.
  TFLM_TRAINING_SMALL FilterTiling(const ConvGeometry& g, int32_t cells) {
    constexpr int32_t kMostColumns = 12;
    const int32_t most_pairs = (g.output_height + 1) / 2;
    const int32_t tiles = (g.output_width + kMostColumns - 1) / kMostColumns;
    columns = (g.output_width + tiles - 1) / tiles;
    columns = (columns + kColumnGroup - 1) & ~(kColumnGroup - 1);
    pitch = columns + kTapGroup - 1;
    const int32_t one = ((g.filter_height - 1) * g.dilation_height + 1) * pitch + columns;
    if (one > cells) return;
    pairs = Min((cells - one) / (2 * g.stride_height * pitch + columns) + 1, most_pairs);
    // Tiles alike.
    const int32_t rows = (most_pairs + pairs - 1) / pairs;
    pairs = (most_pairs + rows - 1) / rows;
    is_whole = rows == 1 && tiles == 1;
  }

  int32_t columns;      // of outputs, a multiple of kColumnGroup
  int32_t pairs = 0;    // of rows of outputs
  int32_t pitch;        // of a row of inputs, cells
  bool is_whole = false;  // one tile is all
};

struct FilterTile {
  FilterTile(const ConvGeometry& g, int32_t cells) : tiling(g, cells) {}

  FilterTiling tiling;
  Range rows;  // of outputs
  Range columns;
  int32_t input_rows;  // of cells
  int32_t input_plane;  // cells
  int32_t gradient_plane;
  uint32_t* input;
  uint32_t* gradient;

  TFLM_TRAINING_SMALL void Place(const ConvGeometry& g, int32_t y, int32_t x, uint32_t* words) {
    rows = {y, Min(y + 2 * tiling.pairs, g.output_height)};
    columns = {x, Min(x + tiling.columns, g.output_width)};
    const int32_t pairs = (rows.end - y + 1) / 2;
    input_rows =
        2 * g.stride_height * (pairs - 1) + (g.filter_height - 1) * g.dilation_height + 1;
    input_plane = input_rows * tiling.pitch;
    gradient_plane = pairs * tiling.columns;
    gradient = words;
    input = words + kPlanes * gradient_plane;
    // Where there are fewer columns, PackMantissas leaves cells alone.
    if (columns.end - columns.begin < tiling.columns) Clear(words, kPlanes * gradient_plane);
  }
};

// The cells of four channels of the input for a group of taps; those outside the map are left
// alone.
TFLM_TRAINING_SMALL inline void PackInput(const ConvFilterUpdateOptions& options,
                                          const int8_t* input, const TapColumns& taps,
                                          const FilterTile& tile) {
  const ConvGeometry& g = options.geometry;
  const int32_t stride = g.stride_height;
  const int32_t first_x = tile.columns.begin * g.stride_width - g.padding_left + taps.offset;
  const int32_t row_step = g.input_width * options.InputStride();
  const Range columns =
      OutputsInside(tile.columns.end - tile.columns.begin + taps.count - 1, g.input_width,
                    g.stride_width, -first_x, 0);
  InputTask task;
  task.row_step = stride * row_step;
  task.cell_step = task.other_step = stride * tile.tiling.pitch * 4;
  task.plane = tile.input_plane * 4;
  task.offset = BothHalves(-options.input_zero_point);
  task.column_step = g.stride_width * options.InputStride();
  task.columns = columns.end - columns.begin;
  if (task.columns <= 0) return;
  // The rows of a phase of the stride: the lower row of a cell is the upper row of the next one.
  for (int32_t phase = 0; phase < Min(stride, tile.input_rows); ++phase) {
    int32_t y = tile.rows.begin * stride - g.padding_top + phase;  // the upper one
    int32_t cells = (tile.input_rows - phase + stride - 1) / stride;
    int32_t row = phase;
    for (; cells > 0 && y + stride < 0; --cells) {
      y += stride;
      row += stride;
    }
    task.has_first = y >= 0 && y < g.input_height;
    const int32_t below = g.input_height - 1 - y;
    task.rows = Clamp(below / stride, 0, cells);
    task.has_last = task.rows < cells;
    if (cells == 0 || below < 0 || (task.rows == 0 && !task.has_first)) continue;
    task.input = input + ((task.has_first ? y : y + stride) * row_step +
                          (first_x + columns.begin * g.stride_width) * options.InputStride());
    task.cell = tile.input + (row * tile.tiling.pitch + columns.begin);
    PackInputs(&task);
  }
}

template <typename Mantissa>
TFLM_TRAINING_NOINLINE void PackMantissas(const ConvGeometry& g, const Mantissa* gradient,
                                          const FilterTile& tile) {
  static const Mantissa kNone[kPlanes] = {0, 0, 0, 0};
  uint32_t* row = tile.gradient;
  const int32_t plane = tile.gradient_plane;
  const int32_t step = g.output_channels;
  for (int32_t y = tile.rows.begin; y < tile.rows.end; y += 2, row += tile.tiling.columns) {
    const bool has_lower = y + 1 < tile.rows.end;
    const Mantissa* upper = gradient + (y * g.output_width + tile.columns.begin) * step;
    const Mantissa* lower = has_lower ? upper + g.output_width * step : kNone;
    const int32_t lower_step = has_lower ? step : 0;
    uint32_t* cell = row;
    for (int32_t left = tile.columns.end - tile.columns.begin; left > 0; --left) {
      StoreCell(LoadQuad(upper), LoadQuad(lower), plane, cell++);
      upper += step;
      lower += lower_step;
    }
  }
}

// The cells of four channels of the gradient.
TFLM_TRAINING_SMALL inline void PackOutputGradient(const ConvGeometry& g, Mantissas gradient,
                                                   int32_t channel, const FilterTile& tile) {
  if (gradient.is_int8()) {
    PackMantissas(g, gradient.int8() + channel, tile);
  } else {
    PackMantissas(g, gradient.int16() + channel, tile);
  }
}

// Adds what a tile has to the sums of four channels for a group of taps: [plane][ky][kTapGroup].
TFLM_TRAINING_SMALL inline void AddTile(const ConvGeometry& g, const FilterTile& tile,
                                        int32_t* sums) {
  const int32_t tap_step = g.dilation_height * tile.tiling.pitch * 4;
  const TapTask task = {(2 * g.stride_height * tile.tiling.pitch - tile.tiling.columns) * 4,
                        tile.gradient + tile.gradient_plane,
                        tile.tiling.columns / kColumnGroup,
                        tile.input,
                        tile.gradient,
                        tap_step,
                        g.filter_height,
                        g.filter_height,
                        sums,
                        tile.input_plane * 4 - g.filter_height * tap_step,
                        tile.gradient_plane * 4,
                        sums + kPlanes * g.filter_height * kTapGroup};
  SumTaps(&task);
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_TILE_DSP_H_
