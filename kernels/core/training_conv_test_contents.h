// Random contents of forward convolutions, for tests that compare two kernels.
#ifndef KERNELS_CORE_TRAINING_CONV_TEST_CONTENTS_H_
#define KERNELS_CORE_TRAINING_CONV_TEST_CONTENTS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/core/test_contents.h"
#include "kernels/core/training_conv_op.h"

namespace tflm_training {

struct TrainingConvContents {
  TrainingConvOptions options = {};
  std::vector<int8_t> input, filter, frozen, shift;
  std::vector<int32_t> bias, multiplier;
  int32_t channels;  // of the filter
  bool has_bias, per_channel;

  // channels: of the filter's last axis; rows: its elements for each of them.
  TrainingConvContents(const ConvGeometry& g, int32_t filter_channels, int32_t rows,
                       TestContents& random)
      : channels(filter_channels) {
    options.geometry = g;
    options.input_zero_point = random.Between(-128, 127);
    options.output_zero_point = random.Between(-128, 127);
    const bool clamps = random.Between(0, 1) == 0;
    options.activation_min = clamps ? random.Between(-128, 20) : -128;
    options.activation_max = clamps ? random.Between(options.activation_min, 127) : 127;
    options.split = random.Between(0, 1) == 0 ? 0 : random.Between(0, channels - 1);
    const int32_t trained = options.split == 0 ? channels : options.split;
    filter = random.Vector<int8_t>(rows * trained, -128, 127);
    frozen = random.Vector<int8_t>(rows * (channels - trained), -128, 127);
    input = random.Vector<int8_t>(
        Elements(g.input_height, g.input_width, g.input_channels), -128, 127);
    // Dead channels of real models hold biases at the ends of int32, where sums wrap.
    const int32_t largest = random.OneOf({100, 100000, INT32_MAX});
    bias = random.Vector<int32_t>(g.output_channels, -largest - 1, largest);
    multiplier = random.Vector<int32_t>(g.output_channels, 1 << 30, INT32_MAX);
    if (random.Between(0, 3) == 0) multiplier[0] = 0;
    const int32_t left = random.OneOf({-1, -6, 2, 30});
    shift = random.Vector<int8_t>(g.output_channels, random.OneOf({-31, -12}), left);
    has_bias = random.Between(0, 4) != 0;
    per_channel = random.Between(0, 3) != 0;
  }

  std::vector<int8_t> Run(TrainingConvKernel kernel) const {
    const ConvGeometry& g = options.geometry;
    std::vector<int8_t> output(
        static_cast<size_t>(Elements(g.output_height, g.output_width, g.output_channels)));
    kernel(options, input.data(), {filter.data(), frozen.data(), options.split, channels},
           {has_bias ? bias.data() : nullptr, multiplier.data(), shift.data(), per_channel},
           output.data());
    return output;
  }

  // The same with the output below the input, as far as the memory plan may put it: rows of
  // the input are overwritten once no row of the output reads them (planning/sharing.py).
  std::vector<int8_t> RunOverlapping(TrainingConvKernel kernel) const {
    const ConvGeometry& g = options.geometry;
    const int32_t output_row = g.output_width * g.output_channels;
    const int32_t input_row = g.input_width * g.input_channels;
    int32_t distance = 0;
    for (int32_t y = 0; y < g.output_height; ++y) {
      const int32_t first = y * g.stride_height - g.padding_top;
      if (first >= g.input_height) continue;
      const int32_t read = first < 0 ? 0 : first * input_row;
      distance = std::max(distance, (y + 1) * output_row - read);
    }
    const auto outputs = static_cast<size_t>(g.output_height * output_row);
    std::vector<int8_t> memory(std::max(outputs, static_cast<size_t>(distance) + input.size()));
    std::copy(input.begin(), input.end(), memory.begin() + distance);
    kernel(options, memory.data() + distance,
           {filter.data(), frozen.data(), options.split, channels},
           {has_bias ? bias.data() : nullptr, multiplier.data(), shift.data(), per_channel},
           memory.data());
    memory.resize(outputs);
    return memory;
  }
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_TRAINING_CONV_TEST_CONTENTS_H_
