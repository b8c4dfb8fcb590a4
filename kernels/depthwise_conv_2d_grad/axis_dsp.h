// Which taps of a strided convolution reach an input.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_

#include <cstdint>

#include "kernels/core/geometry.h"
#include "kernels/core/inner_loop_dsp.h"

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
    int16_t last_tap;      // the first one is that of the phase
    int16_t first_output;  // that of the last tap; may be negative
    int16_t pixels;        // a stride apart, before `end`
    uint8_t count;
  };
  TFLM_TRAINING_SMALL Place PlaceOf(int32_t i, int32_t end) const {
    const int32_t u = (i + padding) / stride;
    const int32_t phase = i + padding - u * stride;
    const int32_t count = TapsOf(phase);
    return {static_cast<int16_t>(phase + (count - 1) * stride),
            static_cast<int16_t>(u - count + 1),
            static_cast<int16_t>((end - i + stride - 1) / stride), static_cast<uint8_t>(count)};
  }

  int32_t TapsOf(int32_t phase) const { return (taps - phase + stride - 1) / stride; }
  // The outputs that inputs [inputs.begin, inputs.end) may read, some of them outside the map.
  TFLM_TRAINING_SMALL Range OutputsOf(Range inputs) const {
    return {(inputs.begin + padding) / stride - TapsOf(0) + 1,
            (inputs.end - 1 + padding) / stride + 1};
  }
};

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_AXIS_DSP_H_
