// The reference; training_depthwise_conv_2d_dsp.cc takes its place on processors with the DSP
// extension.
#include "kernels/core/dsp.h"

#if !TFLM_TRAINING_DSP_KERNELS

#include "kernels/training_depthwise_conv_2d/training_depthwise_conv_2d.h"

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/expand_input.h"
#include "kernels/core/fixed_point.h"

namespace tflm_training {
namespace {

// acc[c] = sum of W[ky, kx, first + c] * x over the window of one output position; `first`
// counts within the part.
void AccumulateWindow(const TrainingConvOptions& options, const int8_t* input,
                      const FilterPart& part, int32_t top, int32_t left, int32_t first,
                      int32_t count, int32_t* acc) {
  const ConvGeometry& g = options.geometry;
  const int32_t depth_multiplier = g.output_channels / g.input_channels;
  int16_t values[kChannelBlock];
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t iy = top + ky * g.dilation_height;
    if (iy < 0 || iy >= g.input_height) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const int32_t ix = left + kx * g.dilation_width;
      if (ix < 0 || ix >= g.input_width) continue;
      ExpandInput(input + (iy * g.input_width + ix) * g.input_channels,
                  options.input_zero_point, depth_multiplier, part.begin + first, count, values);
      MultiplyAccumulate(part.weights + (ky * g.filter_width + kx) * part.channels() + first,
                         values, count, acc);
    }
  }
}

}  // namespace

void TrainingDepthwiseConv2D(const TrainingConvOptions& options, const int8_t* input,
                             const SplitFilter& filter, const Requantisation& requantisation,
                             int8_t* output) {
  const ConvGeometry& g = options.geometry;
  int32_t acc[kChannelBlock];
  for (int32_t oy = 0; oy < g.output_height; ++oy) {
    for (int32_t ox = 0; ox < g.output_width; ++ox) {
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += kChannelBlock) {
          const int32_t count = Min(kChannelBlock, part.channels() - first);
          memset(acc, 0, sizeof(acc));
          AccumulateWindow(options, input, part, oy * g.stride_height - g.padding_top,
                           ox * g.stride_width - g.padding_left, first, count, acc);
          for (int32_t c = 0; c < count; ++c) {
            *output++ = requantisation.Output(options, acc[c], part.begin + first + c);
          }
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif
