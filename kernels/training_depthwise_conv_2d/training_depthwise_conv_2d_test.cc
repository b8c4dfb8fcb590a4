#include "kernels/training_depthwise_conv_2d/training_depthwise_conv_2d.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr int32_t kOne = 1 << 30;  // a factor of 1 with a shift of 1
constexpr int8_t kShift = 1;
constexpr Requantisation kPlain = {nullptr, &kOne, &kShift, false};

// A [1, width, I] map, filters of [1, window, O], stride 1, zero point 10 and 0.
TrainingConvOptions OneRow(int32_t inputs, int32_t input_channels, int32_t window,
                           int32_t outputs, int32_t output_channels, int32_t padding) {
  TrainingConvOptions options{};
  options.geometry = {1, inputs, input_channels, 1, window, 1, outputs, output_channels,
                      1, 1,      1,              1, 0,      padding};
  options.input_zero_point = 10;
  options.activation_min = -128;
  options.activation_max = 127;
  return options;
}

TEST(TrainingDepthwiseConv2D, EachChannelIsItsOwn) {
  const TrainingConvOptions options = OneRow(2, 2, 2, 2, 2, 0);
  const std::vector<int8_t> input = {11, 12, 13, 14};
  const std::vector<int8_t> filter = {1, 2, 10, 20};
  std::vector<int8_t> output(4);
  TrainingDepthwiseConv2D(options, input.data(), {filter.data(), nullptr, 0, 2}, kPlain,
                          output.data());
  // [1 * 1 + 3 * 10, 2 * 2 + 4 * 20], then padding at the right.
  EXPECT_EQ(output, (std::vector<int8_t>{31, 84, 3, 8}));
}

TEST(TrainingDepthwiseConv2D, DepthMultiplierAndSplit) {
  // Outputs 0..2 read input 0, outputs 3..5 input 1; two outputs are trained.
  const TrainingConvOptions options = OneRow(1, 2, 1, 1, 6, 0);
  const std::vector<int8_t> input = {11, 13};
  const std::vector<int8_t> filter = {1, 2};
  const std::vector<int8_t> frozen = {3, 4, 5, 6};
  std::vector<int8_t> output(6);
  TrainingDepthwiseConv2D(options, input.data(), {filter.data(), frozen.data(), 2, 6}, kPlain,
                          output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{1, 2, 3, 12, 15, 18}));
}

TEST(TrainingDepthwiseConv2D, ManyChannelsInBlocks) {
  constexpr int32_t kChannels = 150;
  const TrainingConvOptions options = OneRow(1, kChannels, 1, 1, kChannels, 0);
  const std::vector<int8_t> input(kChannels, 11);
  std::vector<int8_t> filter(kChannels);
  for (size_t c = 0; c < filter.size(); ++c) filter[c] = static_cast<int8_t>(c % 100);
  std::vector<int8_t> output(kChannels);
  TrainingDepthwiseConv2D(options, input.data(),
                          {filter.data(), filter.data() + 70, 70, kChannels}, kPlain,
                          output.data());
  EXPECT_EQ(output, filter);
}

}  // namespace
}  // namespace tflm_training
