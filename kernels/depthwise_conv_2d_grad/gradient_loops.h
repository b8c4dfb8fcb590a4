// What all versions of the depthwise gradients have in common: docs/arithmetic.md,
// DEPTHWISE_CONV_2D_INPUT_GRAD and DEPTHWISE_CONV_2D_FILTER_UPDATE.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_GRADIENT_LOOPS_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_GRADIENT_LOOPS_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

// One output channel with the only, or the largest, weight scale.
constexpr int32_t kNoMultiplier = 32768;

// The shift that brings the sums to their bits.
inline int InputGradShift(const ConvInputGradOptions& options, GradientScale scale) {
  const uint64_t bound = static_cast<uint64_t>(scale.max_abs) *
                         static_cast<uint64_t>(options.weight_bound);
  return Max(-15, Bits(bound) - options.gradient_bits);
}

// The scale of the result.
inline float InputGradSigma(const ConvInputGradOptions& options, GradientScale scale, int shift) {
  return (scale.sigma * options.scale_factor) * PowerOfTwo(shift);
}

// Writes the input gradient pixel by pixel and returns its maximum. sum_taps(part, y, x, first,
// count, acc) sets acc[c] to the sum of W[ky, kx, first + c] * m[oy, ox, part.begin + first + c]
// over all that reach (y, x); `first` counts within the part, count is at most kBlock.
template <int32_t kBlock, typename SumTaps>
int32_t WriteInputGrad(const ConvGeometry& g, const SplitFilter& filter, const int16_t* multiplier,
                       const ActivationMask& mask, int shift, int bits,
                       MutableMantissas input_gradient, SumTaps sum_taps) {
  const int32_t depth_multiplier = g.output_channels / g.input_channels;
  GradientRowWriter writer(input_gradient, mask, bits);
  int32_t index = 0;
  int32_t acc[kBlock];
  for (int32_t y = 0; y < g.input_height; ++y) {
    for (int32_t x = 0; x < g.input_width; ++x) {
      // The M output channels of an input channel may lie in two blocks or more.
      int64_t total = 0;
      int32_t phase = 0;
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += kBlock) {
          const int32_t count = Min(kBlock, part.channels() - first);
          sum_taps(part, y, x, first, count, acc);
          for (int32_t c = 0; c < count; ++c) {
            const int32_t o = part.begin + first + c;
            total += static_cast<int64_t>(acc[c]) *
                     (multiplier == nullptr ? kNoMultiplier : multiplier[o]);
            if (++phase < depth_multiplier) continue;
            writer.Write(index++, Saturate(RoundingShift(total, 15 + shift), bits));
            total = 0;
            phase = 0;
          }
        }
      }
    }
  }
  return writer.max_abs();
}

// Moves the weights tap by tap. sum_positions(ky, kx, first, count, acc) sets acc[c] to the sum
// of (x[.., (first + c) / M] - zero_point) * m[.., first + c] over the outputs that tap (ky, kx)
// joins with an input; count is at most kBlock. update_weight is UpdateWeight, however compiled.
template <int32_t kBlock, typename SumPositions, typename Update>
void UpdateFilter(const ConvFilterUpdateOptions& options, float sigma, const FilterStep& step,
                  TrainedWeights filter, Random* random, SumPositions sum_positions,
                  Update update_weight) {
  const ConvGeometry& g = options.geometry;
  const int32_t filter_channels = options.FilterStride(g.output_channels);
  int32_t acc[kBlock];
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const TrainedWeights row = filter + (ky * g.filter_width + kx) * filter_channels;
      for (int32_t first = 0; first < options.channels; first += kBlock) {
        const int32_t count = Min(kBlock, options.channels - first);
        sum_positions(ky, kx, first, count, acc);
        for (int32_t c = 0; c < count; ++c) {
          const Factor factor = DecomposeFactor(step.FactorOf(sigma, first + c));
          if (!factor.trains()) continue;
          update_weight(row + (first + c), acc[c], factor, options.clamp, random);
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_GRADIENT_LOOPS_H_
