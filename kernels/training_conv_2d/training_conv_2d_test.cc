#include "kernels/training_conv_2d/training_conv_2d.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr int32_t kInputZeroPoint = 10;
constexpr int32_t kOutputZeroPoint = -3;
constexpr int32_t kOne = 1 << 30;  // a factor of 1 with a shift of 1
constexpr int8_t kShift = 1;

// A [1, width, I] map, filters of [O, 1, window, I].
TrainingConvOptions OneRow(int32_t inputs, int32_t input_channels, int32_t window,
                           int32_t outputs, int32_t output_channels, int32_t padding) {
  TrainingConvOptions options{};
  options.geometry = {1, inputs, input_channels, 1, window, 1, outputs, output_channels,
                      1, 1,      1,              1, 0,      padding};
  options.input_zero_point = kInputZeroPoint;
  options.output_zero_point = kOutputZeroPoint;
  options.activation_min = -128;
  options.activation_max = 127;
  return options;
}

TEST(TrainingConv2D, FullyConnectedIsAProduct) {
  const TrainingConvOptions options = OneRow(1, 3, 1, 1, 2, 0);
  const std::vector<int8_t> input = {11, 12, 9};
  const std::vector<int8_t> filter = {1, 2, 3, -4, 5, 6};
  const std::vector<int32_t> bias = {100, 0};
  std::vector<int8_t> output(2);
  TrainingConv2D(options, input.data(), {filter.data(), nullptr, 0, 3},
                 {bias.data(), &kOne, &kShift, false}, output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{99, -3}));  // [1 + 4 - 3 + 100, -4 + 10 - 6] - 3
}

TEST(TrainingConv2D, PaddingReadsAsTheZeroPoint) {
  // Padding of 2 at the left, 1 at the right: as a PAD folded into the layer.
  const TrainingConvOptions options = OneRow(2, 1, 3, 3, 1, 2);
  const std::vector<int8_t> input = {11, 12};
  const std::vector<int8_t> filter = {1, 10, 20};
  std::vector<int8_t> output(3);
  TrainingConv2D(options, input.data(), {filter.data(), nullptr, 0, 1},
                 {nullptr, &kOne, &kShift, false}, output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{17, 47, 18}));  // [20, 10 + 40, 1 + 20] - 3
}

TEST(TrainingConv2D, ChannelsHaveTheirOwnFactorAndTheClampHolds) {
  TrainingConvOptions options = OneRow(1, 1, 1, 1, 3, 0);
  options.activation_min = -20;
  const int8_t input = 60;
  const std::vector<int8_t> filter = {1, 1, -1};
  const std::vector<int32_t> multiplier = {1 << 30, 1 << 30, 1 << 30};
  const std::vector<int8_t> shift = {1, 0, 1};
  std::vector<int8_t> output(3);
  TrainingConv2D(options, &input, {filter.data(), nullptr, 0, 1},
                 {nullptr, multiplier.data(), shift.data(), true}, output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{47, 22, -20}));
}

// More channels than one block of the kernel, and a filter in two parts.
TEST(TrainingConv2D, SplitFilterIsTheWholeOne) {
  constexpr int32_t kChannels = 300;
  constexpr int32_t kOutputs = 70;
  constexpr int32_t kSplit = 130;
  const TrainingConvOptions options = OneRow(2, kChannels, 2, 2, kOutputs, 0);
  std::vector<int8_t> input(2 * kChannels), whole, filter, frozen;
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<int8_t>(i * 7);
  for (int32_t i = 0; i < kOutputs * 2 * kChannels; ++i) {
    const auto weight = static_cast<int8_t>(i * 13 % 251 - 125);
    whole.push_back(weight);
    (i % kChannels < kSplit ? filter : frozen).push_back(weight);
  }
  const int32_t multiplier = 1 << 30;
  const int8_t shift = -10;
  std::vector<int8_t> expected(2 * kOutputs), output(2 * kOutputs);
  TrainingConv2D(options, input.data(), {whole.data(), nullptr, 0, kChannels},
                 {nullptr, &multiplier, &shift, false}, expected.data());
  TrainingConv2D(options, input.data(), {filter.data(), frozen.data(), kSplit, kChannels},
                 {nullptr, &multiplier, &shift, false}, output.data());
  EXPECT_EQ(output, expected);
}

}  // namespace
}  // namespace tflm_training
