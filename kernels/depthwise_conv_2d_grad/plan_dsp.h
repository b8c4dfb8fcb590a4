// What a tile does whatever its channels.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/depthwise_conv_2d_grad/tile_dsp.h"

namespace tflm_training {

// The jobs of one row of pixels, reached by so many rows of taps, whose windows begin at output y.
TFLM_TRAINING_SMALL inline WindowJob* PlanRow(const GradientTile& tile, int32_t taps, int32_t y,
                                              WindowJob* job) {
  // The first tap is the lower one of its pair, or the upper one.
  const int32_t is_lower = y & 1;
  const int32_t first_pair = (y - is_lower) / 2;
  const int32_t begin = Max(tile.pairs.begin - first_pair, 0);
  const int32_t end = Max(Min((taps + is_lower + 1) / 2, tile.pairs.end - first_pair), begin);
  const int32_t cell = (first_pair + begin - tile.pairs.begin) * kPlaneWidth;
  const int32_t weight = (is_lower != 0 ? 0 : SecondPairs(taps)) + begin * kListColumns;
  uint32_t places = static_cast<uint32_t>(cell) << 18 | static_cast<uint32_t>(weight * 4);
  const int32_t pairs = end - begin;
  const int32_t next_cell = (kListColumns - pairs * kPlaneWidth) * 4;
  const int32_t next_weight = (ListWords(taps) - pairs * kListColumns) * 4;
  for (int32_t i = 0; i < tile.row_results; i += kNeighbours) {
    *job++ = {places, (kMaxPairs - pairs) * kPairCode - 2,
              static_cast<uint32_t>(next_cell) << 16 | static_cast<uint32_t>(next_weight)};
    places += (kNeighbours * 4) << 16;
  }
  return job;
}

// Divides the rows given of a tile into phases and these into jobs; false if there are too many.
// `channels` are those of the filter.
TFLM_TRAINING_SMALL inline bool PlanTile(const GradientLayer& layer, int32_t channels,
                                         const Range& rows, GradientTile* tile) {
  const ConvGeometry& g = layer.geometry;
  const Axis& row_axis = layer.rows;
  const Axis& column_axis = layer.columns;
  const Range outputs = row_axis.OutputsOf(rows);
  // SumStridedMap reads the pair above the map as well.
  tile->pairs = {Max(outputs.begin, tile->is_strided ? -1 : 0) >> 1,
                 (Min(outputs.end, g.output_height) + 1) / 2};
  // Of the first phase, which is the widest.
  const int32_t groups =
      (tile->columns.end - tile->columns.begin - 1) / (column_axis.stride * kNeighbours) + 1;
  tile->row_results =
      static_cast<int16_t>(tile->is_strided ? kStridedColumns : groups * kNeighbours);
  tile->block_rows = static_cast<int16_t>(kBlockPixels / tile->row_results);
  if (tile->pairs.end - tile->pairs.begin > kPlanePairs ||
      (rows.end - rows.begin) * groups > kMaxJobs) {
    return false;
  }
  TilePhase* phase = tile->phases;
  if (tile->is_strided) {
    *phase = {};
    phase->index = (rows.begin * g.input_width + tile->columns.begin) * g.input_channels;
    phase->rows = static_cast<int16_t>(rows.end - rows.begin);
    phase->pixels = static_cast<int16_t>(tile->columns.end - tile->columns.begin);
    tile->end_phase = phase + 1;
    return true;
  }
  WindowJob* job = tile->jobs;
  int32_t weights = 0;
  for (int32_t y = rows.begin; y < rows.end && y < rows.begin + row_axis.stride; ++y) {
    const Axis::Place row = row_axis.PlaceOf(y, rows.end);
    const WindowJob* const jobs = job;
    for (int32_t i = 0; i < row.pixels; ++i) {
      job = PlanRow(*tile, row.count, row.first_output + i, job);
    }
    for (int32_t x = tile->columns.begin;
         x < tile->columns.end && x < tile->columns.begin + column_axis.stride; ++x) {
      const Axis::Place column = column_axis.PlaceOf(x, tile->columns.end);
      phase->index = (y * g.input_width + x) * g.input_channels;
      phase->tap = (row.last_tap * g.filter_width + column.last_tap) * channels;
      phase->jobs = jobs;
      phase->row_taps = row.count;
      phase->column_taps = column.count;
      phase->is_small = groups == 1 && row.count == kSmallFilter &&
                        column.count == kSmallFilter && row.first_output == -1 &&
                        row.pixels <= kSmallMap && tile->pairs.end <= 2;
      phase->rows = row.pixels;
      phase->pixels = column.pixels;
      phase->cell = static_cast<int16_t>(column.first_output - tile->outputs.begin);
      phase->weights = static_cast<int16_t>(weights);
      phase->lists = static_cast<uint8_t>(ListsOf(column.count));
      weights += phase->lists * ListWords(row.count);
      ++phase;
    }
  }
  tile->end_phase = phase;
  return true;
}

// Sets what does not change from channel to channel.
// `channels` are those of the filter.
TFLM_TRAINING_SMALL inline void StartTile(const GradientLayer& layer, int32_t channels,
                                          GradientTile* tile) {
  const ConvGeometry& g = layer.geometry;
  const int32_t stride_height = tile->is_strided ? 1 : g.stride_height;
  const int32_t stride_width = tile->is_strided ? 1 : g.stride_width;
  tile->sums.results = tile->results;
  // Taps lie in descending order: those of the first output are the last ones.
  tile->inputs.offset = 0;
  tile->inputs.has_first = 0;
  tile->inputs.row_step = -layer.rows.stride * layer.columns.taps * channels;
  tile->inputs.column_step = -stride_width * channels;
  tile->inputs.plane = kPlaneWeights * 4;
  tile->inputs.has_last = 1;
  tile->row_step = stride_height * g.input_width * g.input_channels;
  const int32_t step = stride_width * g.input_channels;
  tile->is_whole = stride_height == 1 && tile->row_results * stride_width == g.input_width;
  tile->run.step = step * 2;
  tile->run.mask_step = 0;
  tile->write = WriteRun;
  if (layer.mask.bits() != nullptr) tile->run.mask_step = step / 8;
  if (layer.mask.values() != nullptr) {
    tile->run.mask_step = static_cast<int32_t>(layer.mask.span());
    tile->run.mask_factor = layer.mask.offset();
    tile->write = WriteValuesRun;
  }
  if (layer.result.is_int8() || !tile->is_regular) tile->write = nullptr;

  const int32_t begin = Max(tile->outputs.begin, 0);
  const int32_t first_pair = Max(tile->pairs.begin, 0);
  const int32_t row = g.output_width * g.output_channels;
  const int32_t has_last = 2 * tile->pairs.end > g.output_height ? 1 : 0;
  tile->pack = {nullptr,
                g.output_channels * 2,
                row * 2,
                tile->cells + kPlaneCells + (begin - tile->outputs.begin) +
                    (first_pair - tile->pairs.begin) * kPlaneWidth,
                tile->pairs.end - first_pair - has_last,
                has_last,
                0};
  tile->gradient_columns = 0;
  int32_t columns = Min(tile->outputs.end, g.output_width) - begin;
  // Rows and columns that no tap reaches may begin behind the map.
  if (columns <= 0 || first_pair >= tile->pairs.end) return;
  tile->gradient_begin = 2 * first_pair * row + begin * g.output_channels;
  if (!layer.gradient.is_int8() && tile->is_regular) {
    // One more than is needed, where there is one, is less work than one alone.
    if (tile->outputs.end < g.output_width &&
        tile->outputs.end - tile->outputs.begin < kPlaneWidth) {
      columns += columns & 1;
    }
    tile->pack.columns = columns / 2;
  }
  tile->gradient_columns = static_cast<int16_t>(columns);
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_PLAN_DSP_H_
