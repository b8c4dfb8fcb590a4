// The reference; depthwise_conv_2d_grad_dsp.cc takes its place on processors with the DSP
// extension.
#include "kernels/core/dsp.h"

#if !TFLM_TRAINING_DSP_KERNELS

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/expand_input.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"
#include "kernels/depthwise_conv_2d_grad/gradient_loops.h"

namespace tflm_training {
namespace {

// acc[c] = sum of W[ky, kx, first + c] * m[oy, ox, part.begin + first + c] over all that
// reach (y, x); `first` counts within the part.
void AccumulatePixel(const ConvGeometry& g, Mantissas gradient, const FilterPart& part,
                     int32_t y, int32_t x, int32_t first, int32_t count, int32_t* acc) {
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(y, g.output_height, g.stride_height, g.padding_top,
                                      ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const int32_t ox = OutputReaching(x, g.output_width, g.stride_width, g.padding_left,
                                        kx * g.dilation_width);
      if (ox < 0) continue;
      const int32_t output = (oy * g.output_width + ox) * g.output_channels;
      MultiplyAccumulate(part.weights + (ky * g.filter_width + kx) * part.channels() + first,
                         gradient + (output + part.begin + first), count, acc);
    }
  }
}

// acc[c] = sum over outputs of (x[.., c / M] - zero_point) * m[.., c] at tap (ky, kx).
void AccumulateTap(const ConvFilterUpdateOptions& options, const int8_t* input,
                   Mantissas gradient, int32_t ky, int32_t kx, int32_t first,
                   int32_t count, int32_t* acc) {
  const ConvGeometry& g = options.geometry;
  const int32_t depth_multiplier = g.output_channels / g.input_channels;
  const int32_t offset_y = ky * g.dilation_height;
  const int32_t offset_x = kx * g.dilation_width;
  const Range rows = OutputsInside(g.output_height, g.input_height, g.stride_height,
                                   g.padding_top, offset_y);
  const Range columns = OutputsInside(g.output_width, g.input_width, g.stride_width,
                                      g.padding_left, offset_x);
  int16_t values[kChannelBlock];
  for (int32_t oy = rows.begin; oy < rows.end; ++oy) {
    const int32_t iy = oy * g.stride_height - g.padding_top + offset_y;
    for (int32_t ox = columns.begin; ox < columns.end; ++ox) {
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      ExpandInput(input + (iy * g.input_width + ix) * options.InputStride(),
                  options.input_zero_point, depth_multiplier, first, count, values);
      MultiplyAccumulate(values,
                         gradient + ((oy * g.output_width + ox) * g.output_channels + first),
                         count, acc);
    }
  }
}

}  // namespace

GradientScale DepthwiseConv2DInputGrad(const ConvInputGradOptions& options,
                                       Mantissas gradient, GradientScale scale,
                                       const SplitFilter& filter, const int16_t* multiplier,
                                       ActivationMask mask, MutableMantissas input_gradient) {
  const int shift = InputGradShift(options, scale);
  const int32_t max_abs = WriteInputGrad<kChannelBlock>(
      options.geometry, filter, multiplier, mask, shift, options.gradient_bits, input_gradient,
      [&](const FilterPart& part, int32_t y, int32_t x, int32_t first, int32_t count,
          int32_t* acc) {
        memset(acc, 0, kChannelBlock * sizeof(*acc));
        AccumulatePixel(options.geometry, gradient, part, y, x, first, count, acc);
      });
  return {InputGradSigma(options, scale, shift), max_abs};
}

void DepthwiseConv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                                 Mantissas gradient, GradientScale scale,
                                 const FilterStep& step, TrainedWeights filter, Random* random) {
  UpdateFilter<kChannelBlock>(
      options, scale.sigma, step, filter, random,
      [&](int32_t ky, int32_t kx, int32_t first, int32_t count, int32_t* acc) {
        memset(acc, 0, kChannelBlock * sizeof(*acc));
        AccumulateTap(options, input, gradient, ky, kx, first, count, acc);
      },
      UpdateWeight);
}

}  // namespace tflm_training

#endif  // !TFLM_TRAINING_DSP_KERNELS
