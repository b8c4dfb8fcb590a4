// The reference; training_conv_2d_dsp.cc takes its place on processors with the DSP
// extension.
#include "kernels/core/dsp.h"

#if !TFLM_TRAINING_DSP_KERNELS

#include "kernels/training_conv_2d/training_conv_2d.h"

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/expand_input.h"
#include "kernels/core/fixed_point.h"

namespace tflm_training {
namespace {

// Inputs that are multiplied at once, int16_t[kPatchBlock] on the stack.
constexpr int32_t kPatchBlock = 256;

// The inputs that one output reads, without the zero point and 0 in the padding, in the order
// of a row of the filter: [KH, KW, channels of the part], elements [first, first + count).
void GatherPatch(const TrainingConvOptions& options, const int8_t* input,
                 const FilterPart& part, int32_t top, int32_t left, int32_t first,
                 int32_t count, int16_t* values) {
  const ConvGeometry& g = options.geometry;
  const int32_t tap = first / part.channels();
  int32_t channel = first % part.channels();
  int32_t ky = tap / g.filter_width;
  int32_t kx = tap % g.filter_width;
  while (count > 0) {
    const int32_t iy = top + ky * g.dilation_height;
    const int32_t ix = left + kx * g.dilation_width;
    const int32_t run = Min(part.channels() - channel, count);
    if (iy >= 0 && iy < g.input_height && ix >= 0 && ix < g.input_width) {
      const int32_t pixel = (iy * g.input_width + ix) * g.input_channels;
      SubtractZeroPoint(input + pixel + part.begin + channel, options.input_zero_point, run,
                        values);
    } else {
      memset(values, 0, static_cast<size_t>(run) * sizeof(*values));
    }
    values += run;
    count -= run;
    channel = 0;
    if (++kx == g.filter_width) {
      kx = 0;
      ++ky;
    }
  }
}

// acc[o] = sum of W[first_output + o] * x over the patch of one output position.
void AccumulateOutputs(const TrainingConvOptions& options, const int8_t* input,
                       const SplitFilter& filter, int32_t top, int32_t left,
                       int32_t first_output, int32_t outputs, int32_t* acc) {
  const ConvGeometry& g = options.geometry;
  int16_t values[kPatchBlock];
  for (const FilterPart& part : filter) {
    const int32_t patch = g.filter_height * g.filter_width * part.channels();
    for (int32_t first = 0; first < patch; first += kPatchBlock) {
      const int32_t count = Min(kPatchBlock, patch - first);
      GatherPatch(options, input, part, top, left, first, count, values);
      const int8_t* row = part.weights + first_output * patch + first;
      for (int32_t o = 0; o < outputs; ++o) {
        acc[o] += DotProduct(values, row + o * patch, count);
      }
    }
  }
}

}  // namespace

void TrainingConv2D(const TrainingConvOptions& options, const int8_t* input,
                    const SplitFilter& filter, const Requantisation& requantisation,
                    int8_t* output) {
  const ConvGeometry& g = options.geometry;
  int32_t acc[kChannelBlock];
  for (int32_t oy = 0; oy < g.output_height; ++oy) {
    for (int32_t ox = 0; ox < g.output_width; ++ox) {
      for (int32_t first = 0; first < g.output_channels; first += kChannelBlock) {
        const int32_t count = Min(kChannelBlock, g.output_channels - first);
        memset(acc, 0, sizeof(acc));
        AccumulateOutputs(options, input, filter, oy * g.stride_height - g.padding_top,
                          ox * g.stride_width - g.padding_left, first, count, acc);
        for (int32_t o = 0; o < count; ++o) {
          *output++ = requantisation.Output(options, acc[o], first + o);
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif
