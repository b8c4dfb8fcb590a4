// Options that CONV_2D and DEPTHWISE_CONV_2D share; the same words in the same order as
// ConvInputGrad, ConvFilterUpdate and TrainingConv in converter/ir/training_ops.py.
#ifndef KERNELS_CORE_CONV_OPTIONS_H_
#define KERNELS_CORE_CONV_OPTIONS_H_

#include <cstdint>

#include "kernels/core/geometry.h"

namespace tflm_training {

struct ConvInputGradOptions {
  static constexpr int32_t kVersion = 2;

  int32_t version;
  ConvGeometry geometry;
  int32_t accumulator_bits;  // 1..15
  int32_t gradient_bits;     // 1..15, int8 1..7
  int32_t weight_bound;      // max over input channels of sum |W| that meet in one pixel
  int32_t mask_min;
  int32_t mask_max;
  float scale_factor;
  int32_t split;  // channels of `filter`, the others are in `frozen_filter`; 0: all
};
static_assert(sizeof(ConvInputGradOptions) == 22 * 4, "a record of 32-bit words");

struct ConvFilterUpdateOptions {
  static constexpr int32_t kVersion = 3;

  int32_t version;
  ConvGeometry geometry;     // of the whole layer
  int32_t input_zero_point;  // -128..127
  int32_t channels;          // trained channels, the first ones
  int32_t clamp;             // 1..127, largest change of one weight in one step, LSB
  int32_t stored_channels;   // of the input tensor; 0: input_channels
  int32_t filter_channels;   // innermost dimension of the filter; 0: that of the layer

  int32_t InputStride() const {
    return stored_channels == 0 ? geometry.input_channels : stored_channels;
  }
  // channels: the innermost dimension of the layer's filter.
  int32_t FilterStride(int32_t channels) const {
    return filter_channels == 0 ? channels : filter_channels;
  }
};
static_assert(sizeof(ConvFilterUpdateOptions) == 20 * 4, "a record of 32-bit words");

struct TrainingConvOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  ConvGeometry geometry;
  int32_t input_zero_point;   // -128..127
  int32_t output_zero_point;  // -128..127
  int32_t activation_min;     // -128..activation_max
  int32_t activation_max;     // ..127
  int32_t split;              // channels of `filter`, the others are in `frozen_filter`; 0: all
  int32_t saved_channels;     // first channels of the input that are copied; 0: no copy
  int32_t saves_mask;         // 1: a bit mask of the input is written, else 0
  int32_t mask_min;
  int32_t mask_max;
};
static_assert(sizeof(TrainingConvOptions) == 24 * 4, "a record of 32-bit words");

// What a filter update needs to know of the step.
struct FilterStep {
  float learning_rate;
  const float* update_scale;  // s_x / s_w, of weights with fractions * 256; 0 freezes
  bool per_channel;           // update_scale has one element for each output channel

  // The factor from the accumulator of channel `o` to LSB of its weights.
  float FactorOf(float sigma, int32_t o) const {
    return (learning_rate * sigma) * update_scale[per_channel ? o : 0];
  }
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_CONV_OPTIONS_H_
