// The gradients of any layer, a sum at a time: small code for what the fast paths do not take.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_ANY_LAYER_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_ANY_LAYER_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/split_filter.h"
#include "kernels/depthwise_conv_2d_grad/gradient_loops.h"
#include "kernels/depthwise_conv_2d_grad/position_sums_dsp.h"
#include "kernels/depthwise_conv_2d_grad/tile_dsp.h"

namespace tflm_training {

// The sum of W[ky, kx, o] * m[oy, ox, o] over all that reach (y, x).
TFLM_TRAINING_SMALL inline int32_t SumAnyTaps(const ConvGeometry& g, Mantissas gradient,
                                              const FilterPart& part, int32_t y, int32_t x,
                                              int32_t o) {
  const int8_t* weight = part.weights + (o - part.begin);
  int32_t sum = 0;
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(y, g.output_height, g.stride_height, g.padding_top,
                                      ky * g.dilation_height);
    for (int32_t kx = 0; kx < g.filter_width; ++kx, weight += part.channels()) {
      const int32_t ox = OutputReaching(x, g.output_width, g.stride_width, g.padding_left,
                                        kx * g.dilation_width);
      if (oy < 0 || ox < 0) continue;
      sum += *weight * gradient[(oy * g.output_width + ox) * g.output_channels + o];
    }
  }
  return sum;
}

TFLM_TRAINING_SMALL inline int32_t WriteAnyInputGrad(const GradientLayer& layer,
                                                     const SplitFilter& filter,
                                                     const ActivationMask& mask) {
  return WriteInputGrad<1>(
      layer.geometry, filter, layer.multiplier, mask, layer.shift, layer.bits, layer.result,
      [&](const FilterPart& part, int32_t y, int32_t x, int32_t first, int32_t, int32_t* acc) {
        *acc = SumAnyTaps(layer.geometry, layer.gradient, part, y, x, part.begin + first);
      });
}

// The sum of (x - zero_point) * m of one output channel over the positions of a tap.
TFLM_TRAINING_SMALL inline int32_t SumAnyPositions(const ConvFilterUpdateOptions& options,
                                                   const TapWindow& window, const int8_t* input,
                                                   Mantissas gradient, int32_t o) {
  const ConvGeometry& g = options.geometry;
  const int32_t channel = o / (g.output_channels / g.input_channels);
  int32_t sum = 0;
  for (int32_t y = 0; y < window.rows.end - window.rows.begin; ++y) {
    for (int32_t x = 0; x < window.columns.end - window.columns.begin; ++x) {
      const int32_t pixel = (y * g.stride_height * g.input_width + x * g.stride_width);
      const int32_t position = y * g.output_width + x;
      sum += (input[window.input + pixel * options.InputStride() + channel] -
              options.input_zero_point) *
             gradient[window.output + position * g.output_channels + o];
    }
  }
  return sum;
}

// UpdateWeight for weights of which there are few.
TFLM_TRAINING_SMALL inline void UpdateAnyWeight(TrainedWeights weight, int32_t acc, Factor factor,
                                                int32_t clamp, Random* random) {
  UpdateWeight(weight, acc, factor, clamp, random);
}

TFLM_TRAINING_SMALL inline void UpdateAnyFilter(const ConvFilterUpdateOptions& options,
                                                const int8_t* input, Mantissas gradient,
                                                float sigma, const FilterStep& step,
                                                TrainedWeights filter, Random* random) {
  UpdateFilter<1>(options, sigma, step, filter, random,
                  [&](int32_t ky, int32_t kx, int32_t o, int32_t, int32_t* acc) {
                    *acc = SumAnyPositions(options, TapWindow(options, ky, kx), input, gradient, o);
                  },
                  UpdateAnyWeight);
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_ANY_LAYER_DSP_H_
