// Which taps of a strided convolution reach an input.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"

namespace tflm_training {

// One dimension of a layer without dilation. Input i is reached by the taps of the phase
// (i + padding) % stride: phase, phase + stride, phase + 2 * stride, ... With
// u = (i + padding) / stride they read the outputs u, u - 1, u - 2, ...
struct Axis {
  int32_t taps;
  int32_t stride;
  int32_t padding;

  // Where the taps of input i lie.
  struct Place {
    int32_t phase;
    int32_t count;
    int32_t first_output;  // that of the last tap; may be negative
  };
  Place PlaceOf(int32_t i) const {
    const int32_t u = (i + padding) / stride;
    const int32_t phase = i + padding - u * stride;
    const int32_t count = TapsOf(phase);
    return {phase, count, u - count + 1};
  }

  int32_t TapsOf(int32_t phase) const { return (taps - phase + stride - 1) / stride; }
  // The taps of all phases before one.
  int32_t TapsBefore(int32_t phase) const {
    return phase * (taps / stride) + Min(phase, taps % stride);
  }

  // The outputs that inputs [inputs.begin, inputs.end) may read, some of them outside the map.
  Range OutputsOf(Range inputs) const {
    return {(inputs.begin + padding) / stride - TapsOf(0) + 1,
            (inputs.end - 1 + padding) / stride + 1};
  }
  // The most outputs that `count` inputs read.
  int32_t MostOutputs(int32_t count) const {
    return (count - 1 + stride - 1) / stride + TapsOf(0);
  }
};

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_
