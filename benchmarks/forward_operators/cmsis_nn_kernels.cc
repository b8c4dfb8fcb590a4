// TRAINING_CONV_2D and TRAINING_DEPTHWISE_CONV_2D by the functions of CMSIS-NN that TFLite Micro's
// operators call, in place of the kernels of this project: what these are measured against.
#include <cstdint>

#include "arm_nnfunctions.h"
#include "kernels/training_conv_2d/training_conv_2d.h"
#include "kernels/training_depthwise_conv_2d/training_depthwise_conv_2d.h"
#include "tools/cortex_m/semihosting.h"

namespace tflm_training {
namespace {

constexpr int32_t kMaxChannels = 2048;
constexpr int32_t kScratchBytes = 1 << 17;

alignas(16) int8_t scratch[kScratchBytes];
int32_t shifts[kMaxChannels];

// A filter in two parts has no counterpart.
const int8_t* WholeFilter(const SplitFilter& filter) {
  if (filter.end() - filter.begin() != 1) Exit(2);
  return filter.begin()->weights;
}

// CMSIS-NN takes 32-bit shifts. TFLite Micro makes them before the first step, here it costs about
// four instructions a channel.
void WidenShifts(const Requantisation& requantisation, int32_t channels) {
  if (channels > kMaxChannels) Exit(3);
  const int32_t count = requantisation.per_channel ? channels : 1;
  for (int32_t i = 0; i < count; ++i) shifts[i] = requantisation.shift[i];
}

cmsis_nn_dims InputDims(const ConvGeometry& g) {
  return {1, g.input_height, g.input_width, g.input_channels};
}

cmsis_nn_dims OutputDims(const ConvGeometry& g) {
  return {1, g.output_height, g.output_width, g.output_channels};
}

cmsis_nn_per_channel_quant_params PerChannel(const Requantisation& requantisation) {
  return {const_cast<int32_t*>(requantisation.multiplier), shifts};
}

void FullyConnected(const TrainingConvOptions& options, const int8_t* input,
                    const int8_t* filter, const Requantisation& requantisation, int8_t* output) {
  const ConvGeometry& g = options.geometry;
  cmsis_nn_context context = {scratch, kScratchBytes};
  const cmsis_nn_fc_params parameters = {-options.input_zero_point, 0, options.output_zero_point,
                                         {options.activation_min, options.activation_max}};
  const cmsis_nn_dims inputs = {1, 1, 1, g.input_channels};
  const cmsis_nn_dims weights = {g.input_channels, 1, 1, g.output_channels};
  const cmsis_nn_dims outputs = {1, 1, 1, g.output_channels};
  if (requantisation.per_channel) {
    const cmsis_nn_per_channel_quant_params scale = PerChannel(requantisation);
    arm_fully_connected_per_channel_s8(&context, &parameters, &scale, &inputs, input, &weights,
                                       filter, &outputs, requantisation.bias, &outputs, output);
  } else {
    const cmsis_nn_per_tensor_quant_params scale = {requantisation.multiplier[0], shifts[0]};
    arm_fully_connected_s8(&context, &parameters, &scale, &inputs, input, &weights, filter,
                           &outputs, requantisation.bias, &outputs, output);
  }
}

}  // namespace

void TrainingConv2D(const TrainingConvOptions& options, const int8_t* input,
                    const SplitFilter& filter, const Requantisation& requantisation,
                    int8_t* output) {
  const ConvGeometry& g = options.geometry;
  const int8_t* const whole = WholeFilter(filter);
  WidenShifts(requantisation, g.output_channels);
  if (g.input_height * g.input_width == 1) {
    FullyConnected(options, input, whole, requantisation, output);
    return;
  }
  if (!requantisation.per_channel) Exit(4);
  cmsis_nn_context context = {scratch, kScratchBytes};
  const cmsis_nn_conv_params parameters = {-options.input_zero_point, options.output_zero_point,
                                           {g.stride_width, g.stride_height},
                                           {g.padding_left, g.padding_top},
                                           {g.dilation_width, g.dilation_height},
                                           {options.activation_min, options.activation_max}};
  const cmsis_nn_per_channel_quant_params scale = PerChannel(requantisation);
  const cmsis_nn_dims inputs = InputDims(g);
  const cmsis_nn_dims weights = {g.output_channels, g.filter_height, g.filter_width,
                                 g.input_channels};
  const cmsis_nn_dims biases = {1, 1, 1, g.output_channels};
  const cmsis_nn_dims outputs = OutputDims(g);
  if (arm_convolve_wrapper_s8(&context, &parameters, &scale, &inputs, input, &weights, whole,
                              &biases, requantisation.bias, &outputs,
                              output) != ARM_CMSIS_NN_SUCCESS) {
    Exit(5);
  }
}

void TrainingDepthwiseConv2D(const TrainingConvOptions& options, const int8_t* input,
                             const SplitFilter& filter, const Requantisation& requantisation,
                             int8_t* output) {
  const ConvGeometry& g = options.geometry;
  const int8_t* const whole = WholeFilter(filter);
  WidenShifts(requantisation, g.output_channels);
  if (!requantisation.per_channel) Exit(4);
  cmsis_nn_context context = {scratch, kScratchBytes};
  const cmsis_nn_dw_conv_params parameters = {
      -options.input_zero_point, options.output_zero_point,
      g.output_channels / g.input_channels, {g.stride_width, g.stride_height},
      {g.padding_left, g.padding_top}, {g.dilation_width, g.dilation_height},
      {options.activation_min, options.activation_max}};
  const cmsis_nn_per_channel_quant_params scale = PerChannel(requantisation);
  const cmsis_nn_dims inputs = InputDims(g);
  const cmsis_nn_dims weights = {1, g.filter_height, g.filter_width, g.output_channels};
  const cmsis_nn_dims biases = {1, 1, 1, g.output_channels};
  const cmsis_nn_dims outputs = OutputDims(g);
  if (arm_depthwise_conv_wrapper_s8(&context, &parameters, &scale, &inputs, input, &weights,
                                    whole, &biases, requantisation.bias, &outputs,
                                    output) != ARM_CMSIS_NN_SUCCESS) {
    Exit(5);
  }
}

}  // namespace tflm_training
