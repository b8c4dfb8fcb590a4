// What the two kernels of conv_2d_grad_dsp.cc share.
#ifndef KERNELS_CONV_2D_GRAD_TILE_DSP_H_
#define KERNELS_CONV_2D_GRAD_TILE_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/multiply_rows_dsp.h"

namespace tflm_training {

// Pixels or output channels that are computed side by side. Those of CONV_2D_INPUT_GRAD are
// part of its contract with the memory planner, converter/planning/sharing.py.
constexpr int32_t kMaxColumns = 8;
constexpr int32_t kTileWords = 512;
// Pairs of rows that are multiplied at a time where coefficients are made more than once.
constexpr int32_t kShortRun = 16;

// Coefficients and accumulators of up to kMaxColumns columns, 2048 bytes: for all
// coefficients if they fit beside all sums, or beside those of eight channels where more
// would ask for the same coefficients again; else for those of kShortRun pairs, so that as
// many channels as possible are summed up at a time.
class Tile {
 public:
  // `is_whole`: all rows come in one run.
  TFLM_TRAINING_SMALL Tile(int32_t columns, int32_t row_count, bool is_whole,
                           int32_t channels)
      : columns_(columns) {
    const int32_t even_columns = (columns + 1) & ~1;
    const int32_t words = kTileWords / even_columns;
    const int32_t pairs = PairsOf(row_count);
    holds_all_ = is_whole && (channels + pairs <= words ||
                              (channels > words - kShortRun && pairs + 8 <= words));
    const int32_t coefficients = holds_all_ ? pairs : Min(pairs, kShortRun);
    row_words_ = holds_all_ ? even_columns / 2 : 0;
    run_ = 2 * Min(coefficients, kPackedPairs);
    channels_ = (words - coefficients) & ~3;
    acc_ = reinterpret_cast<int32_t*>(words_ + even_columns * coefficients);
  }

  Tile(const Tile&) = delete;

  // Channels that are summed up at a time; between the accumulators of two columns.
  int32_t channels() const { return channels_; }
  // Whether all coefficients are there, of the channels before.
  bool has_coefficients() const { return has_coefficients_; }
  void KeepCoefficients() { has_coefficients_ = holds_all_; }
  void DropCoefficients() { has_coefficients_ = false; }

  // Rows of one MultiplyRows.
  int32_t run() const { return run_; }

  // The coefficients from row `row`, the first of a run, on.
  uint32_t* coefficients(int32_t row) { return words_ + row * row_words_; }
  int32_t* acc(int32_t column) { return acc_ + column * channels_; }
  void ClearAcc() {
    auto* words = reinterpret_cast<uint32_t*>(acc_);
    for (const uint32_t* end = words + columns_ * channels_; words < end; words += 8) {
      StoreWords<0>(words, 0, 0);
      StoreWords<2>(words, 0, 0);
      StoreWords<4>(words, 0, 0);
      StoreWords<6>(words, 0, 0);
    }
  }

 private:
  int32_t* acc_;
  int32_t columns_;
  int32_t channels_;
  int32_t run_;
  int32_t row_words_;  // between the coefficients of two rows
  bool holds_all_;
  bool has_coefficients_ = false;
  // ClearAcc may clear four words behind the last accumulators, MultiplyRows add 0 to three.
  uint32_t words_[kTileWords + 4];
};

// Extents of the maps. A pointwise layer has one row of pixels.
struct Maps {
  TFLM_TRAINING_SMALL explicit Maps(const ConvGeometry& g)
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

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_TILE_DSP_H_
