// DepthwiseConv2DFilterUpdate four channels at a time, all taps of them: for layers with one
// output channel for each input channel.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_UPDATE_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_UPDATE_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/mantissas.h"
#include "kernels/core/random.h"
#include "kernels/core/random_jump.h"
#include "kernels/core/weight_update_dsp.h"
#include "kernels/depthwise_conv_2d_grad/any_layer_dsp.h"
#include "kernels/depthwise_conv_2d_grad/filter_tile_dsp.h"
#include "kernels/depthwise_conv_2d_grad/position_sums_dsp.h"

namespace tflm_training {

// What moves the weights of four channels.
struct ChannelSteps {
  TFLM_TRAINING_SMALL ChannelSteps(const ConvFilterUpdateOptions& options, const FilterStep& step,
                                   float sigma, int32_t first, bool has_fractions)
      : clamp(options.clamp), limit(options.clamp), channel(Min(first, options.channels - kPlanes)),
        skipped(first - channel) {
    is_usual = !has_fractions && skipped == 0;
    for (int32_t i = 0; i < kPlanes; ++i) {
      factors[i] = DecomposeFactor(step.FactorOf(sigma, channel + i));
      if (!factors[i].draws()) is_usual = false;
    }
  }

  Factor factors[kPlanes];
  int32_t clamp;
  FourSteps limit;
  int32_t channel;  // the first one
  int32_t skipped;  // of the four: the group before has moved them
  bool is_usual;    // each weight draws a number, and has no fraction
};

// Moves the weights of a column of taps, `rows` of them. The sums of a channel are kTapGroup apart
// from row to row, the weights `row_step`, the states of the generator `columns`.
TFLM_TRAINING_SMALL inline void StepAnyWeights(const ChannelSteps& steps, const int32_t* sums,
                                               int32_t rows, int32_t columns,
                                               TrainedWeights weights, int32_t row_step,
                                               uint32_t* states) {
  for (int32_t row = 0; row < rows; ++row, weights = weights + row_step, states += columns) {
    Random draws(*states);
    for (int32_t i = steps.skipped; i < kPlanes; ++i) {
      if (!steps.factors[i].trains()) continue;
      UpdateAnyWeight(weights + i, sums[(i * rows + row) * kTapGroup], steps.factors[i],
                      steps.clamp, &draws);
    }
    *states = draws.state();
  }
}

// The same for usual steps: see UpdateWeights in weight_update_dsp.h.
TFLM_TRAINING_NOINLINE inline void StepWeights(const ChannelSteps& steps, const int32_t* sums,
                                               int32_t rows, int32_t columns, int8_t* weights,
                                               int32_t row_step, uint32_t* states) {
  const int32_t stride = rows * kTapGroup;
  for (; rows > 0; --rows) {
    Random draws(*states);
    const Factor* factor = steps.factors;
    const int32_t* sum = sums;
    const auto step = [&] {
      const int32_t t = StochasticStep(*sum, *factor, &draws);
      sum += stride;
      ++factor;
      return static_cast<uint32_t>(Ssat<8>(t));
    };
    const uint32_t d0 = step();
    const uint32_t d1 = step();
    const uint32_t d2 = step();
    const uint32_t d3 = step();
    *states = draws.state();
    StoreWord(weights, steps.limit.Moved(LoadWord(weights), d0, d1, d2, d3));
    sums += kTapGroup;
    states += columns;
    weights += row_step;
  }
}

// The draws of one tap.
TFLM_TRAINING_SMALL inline int32_t DrawsOf(const ConvFilterUpdateOptions& options,
                                           const FilterStep& step, float sigma) {
  int32_t draws = 0;
  for (int32_t o = 0; o < options.channels; ++o) {
    draws += DecomposeFactor(step.FactorOf(sigma, o)).draws() ? 1 : 0;
  }
  return draws;
}

// Words on the stack: states of the generator, sums and planes.
constexpr int32_t kFilterWords = 740;

// What an update of usual layers works on.
struct FilterUpdate {
  const ConvFilterUpdateOptions& options;
  const int8_t* input;
  Mantissas gradient;
  int32_t* sums;    // [plane][ky][kTapGroup]
  uint32_t* cells;  // of planes
};

// The sums of a group of taps, position by position.
TFLM_TRAINING_SMALL inline void SumByPositions(const FilterUpdate& update, const TapColumns& taps,
                                               int32_t channel) {
  const ConvGeometry& g = update.options.geometry;
  const int32_t stride = g.filter_height * kTapGroup;
  int32_t* sums = update.sums;
  for (int32_t ky = 0; ky < g.filter_height; ++ky, sums += kTapGroup) {
    for (int32_t n = 0; n < taps.count; ++n) {
      const TapWindow window(update.options, ky, taps.first + n * g.stride_width);
      if (update.gradient.is_int8()) {
        SumPositions(update.options, window, update.input + channel,
                     update.gradient.int8() + channel, sums + n, stride);
      } else {
        SumPositions(update.options, window, update.input + channel,
                     update.gradient.int16() + channel, sums + n, stride);
      }
    }
  }
}

// The same with planes. They hold the gradient of the channels already if that `is_packed`.
TFLM_TRAINING_SMALL inline void SumByPlanes(const FilterUpdate& update, const TapColumns& taps,
                                            int32_t channel, bool is_packed, FilterTile* tile) {
  const ConvGeometry& g = update.options.geometry;
  const FilterTiling& tiling = tile->tiling;
  Clear(reinterpret_cast<uint32_t*>(update.sums), kPlanes * g.filter_height * kTapGroup);
  for (int32_t y = 0; y < g.output_height; y += 2 * tiling.pairs) {
    for (int32_t x = 0; x < g.output_width; x += tiling.columns) {
      if (!is_packed || !tiling.is_whole) {
        tile->Place(g, y, x, update.cells);
        PackOutputGradient(g, update.gradient, channel, *tile);
      }
      // One group in one tile has the same cells outside the map for all channels.
      if (channel == 0 || !tiling.is_whole || taps.count < g.filter_width) {
        Clear(tile->input, kPlanes * tile->input_plane);
      }
      PackInput(update.options, update.input + channel, taps, *tile);
      AddTile(g, *tile, update.sums);
    }
  }
}

// Returns false, with nothing done, for a layer that it does not take.
TFLM_TRAINING_SMALL inline bool UpdateUsualFilter(const ConvFilterUpdateOptions& options,
                                                  const int8_t* input, Mantissas gradient,
                                                  float sigma, const FilterStep& step,
                                                  TrainedWeights filter, Random* random) {
  constexpr int32_t kMaxReach = 64;
  constexpr int32_t kMaxStride = 8;
  const ConvGeometry& g = options.geometry;
  const int32_t strides = g.stride_height * g.stride_width;
  if (g.output_channels != g.input_channels || options.channels < kPlanes ||
      g.filter_height > kMaxReach || g.filter_width > kMaxReach) {
    return false;
  }
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t cells = kFilterWords - taps - kPlanes * g.filter_height * kTapGroup;
  if (cells < 0) return false;

  uint32_t words[kFilterWords];
  uint32_t* const states = words;
  const FilterUpdate update = {options, input, gradient, reinterpret_cast<int32_t*>(words + taps),
                               words + (kFilterWords - cells)};
  // Planes pay where most inputs meet several taps.
  FilterTile tile(g, taps >= 4 * strides && g.stride_height <= kMaxStride &&
                             g.filter_height * g.dilation_height <= kMaxReach
                         ? cells / kPlanes
                         : 0);
  // A tap draws after the taps before it.
  states[0] = random->state();
  const RandomJump jump(taps > 1 ? DrawsOf(options, step, sigma) : 0);
  for (int32_t tap = 1; tap < taps; ++tap) states[tap] = jump(states[tap - 1]);

  const int32_t filter_channels = options.FilterStride(g.output_channels);
  const int32_t row_step = g.filter_width * filter_channels;
  for (int32_t first = 0; first < options.channels; first += kPlanes) {
    const ChannelSteps steps(options, step, sigma, first, filter.fractions != nullptr);
    const int32_t channel = steps.channel;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const TapColumns columns(g, kx);
      if (columns.count == 0) continue;
      if (tile.tiling.pairs > 0) {
        SumByPlanes(update, columns, channel, kx > 0, &tile);
      } else {
        SumByPositions(update, columns, channel);
      }
      for (int32_t n = 0; n < columns.count; ++n) {
        const int32_t tap = kx + n * g.stride_width;
        const TrainedWeights weights = filter + (tap * filter_channels + channel);
        const int32_t* const sums = update.sums + n;
        if (steps.is_usual) {
          StepWeights(steps, sums, g.filter_height, g.filter_width, weights.values, row_step,
                      states + tap);
        } else {
          StepAnyWeights(steps, sums, g.filter_height, g.filter_width, weights, row_step,
                         states + tap);
        }
      }
    }
  }
  *random = Random(states[taps - 1]);
  return true;
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_FILTER_UPDATE_DSP_H_
