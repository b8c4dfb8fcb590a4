// What a tile does whatever its channels.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/depthwise_conv_2d_grad/tile_dsp.h"

namespace tflm_training {

// The pairs of rows of weights that meet cells of the map, for a row of inputs.
TFLM_TRAINING_SMALL inline Range PairsInside(const GradientLayer& layer, const Axis::Place& place) {
  const int32_t begin = Max(-place.first_output / 2, 0);
  const int32_t end = (layer.geometry.output_height - place.first_output + 1) / 2;
  return {begin, Clamp(end, begin, Max(PairsOf(place), begin))};
}

// Divides a tile into phases and their rows into blocks; false if there would be too many.
TFLM_TRAINING_SMALL inline bool PlanTile(const GradientLayer& layer, GradientTile* tile) {
  RowBlock* block = tile->blocks;
  TilePhase* phase = tile->phases;
  for (int32_t row = 0; row < layer.rows.stride; ++row) {
    const int32_t first_y = tile->rows.begin + row;
    if (first_y >= tile->rows.end) break;
    RowBlock* const first_block = block;
    TilePhase* const first_phase = phase;
    for (int32_t x = tile->columns.begin;
         x < Min(tile->columns.begin + layer.columns.stride, tile->columns.end); ++x) {
      const int32_t pixels = (tile->columns.end - x + layer.columns.stride - 1) /
                             layer.columns.stride;
      *phase++ = {layer.rows.PlaceOf(first_y),
                  layer.columns.PlaceOf(x),
                  static_cast<int16_t>(x),
                  static_cast<int16_t>(pixels),
                  static_cast<int16_t>((pixels + kNeighbours - 1) & ~(kNeighbours - 1)),
                  first_block,
                  nullptr};
    }
    const int32_t most_rows = kBlockPixels / first_phase->row_results;
    for (int32_t y = first_y; y < tile->rows.end; y += layer.rows.stride) {
      const Axis::Place place = layer.rows.PlaceOf(y);
      const Range pairs = PairsInside(layer, place);
      if (block != first_block && block[-1].rows < most_rows &&
          block[-1].pairs_begin == pairs.begin && block[-1].pairs_end == pairs.end) {
        ++block[-1].rows;
        continue;
      }
      if (block == tile->blocks + kMaxBlocks) return false;
      *block++ = {static_cast<int16_t>(y), place.first_output, 1,
                  static_cast<int8_t>(pairs.begin), static_cast<int8_t>(pairs.end)};
    }
    for (TilePhase* p = first_phase; p != phase; ++p) p->end_block = block;
  }
  tile->end_phase = phase;
  return true;
}

// What PackGradient needs to know of a tile.
TFLM_TRAINING_SMALL inline void PlanGradient(const ConvGeometry& g, GradientTile* tile) {
  const int32_t row = g.output_width * g.output_channels;
  const Range rows = tile->cell_rows;
  const int32_t begin = Max(tile->outputs.begin, 0);
  tile->gradient_columns = Min(tile->outputs.end, g.output_width) - begin;
  tile->gradient_begin = 0;
  // Rows and columns that no tap reaches may begin behind the map, where nothing is read.
  if (rows.begin >= rows.end) tile->gradient_columns = 0;
  if (tile->gradient_columns <= 0) return;
  // The rows after the first one, which may end before the cells.
  const int32_t read = Min(rows.end + 1, g.output_height) - 1 - rows.begin;
  tile->pack = {{}, row * 2, nullptr, read, rows.begin >= 0, read != rows.end - rows.begin};
  tile->gradient_begin = rows.begin * row + begin * g.output_channels;
  tile->first_column = tile->cells + (begin - tile->outputs.begin);
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_
