#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

SplitFilter Whole(const std::vector<int8_t>& filter, const ConvInputGradOptions& options) {
  return {filter.data(), nullptr, 0, options.geometry.output_channels};
}

constexpr ActivationMask kNoMask = {nullptr, 0, 0};

// A [1, width, I] map, filters of [1, window, O], stride 1, no padding.
ConvGeometry OneRow(int32_t inputs, int32_t input_channels, int32_t window,
                    int32_t output_channels) {
  return {1, inputs, input_channels, 1, window, 1, inputs - window + 1, output_channels,
          1, 1, 1, 1, 0, 0};
}

TEST(DepthwiseConv2DInputGrad, EachChannelIsItsOwn) {
  // bound = 8 * 3 has 5 bits, 4 may stay: shift 1.
  const ConvInputGradOptions options = {1, OneRow(3, 2, 2, 2), 15, 4, 3, -129, 128, 0.25f, 0};
  const std::vector<int16_t> gradient = {4, 8, -6, 2};
  const std::vector<int8_t> filter = {1, -1, 2, 0};
  std::vector<int16_t> result(6);
  const GradientScale scale =
      DepthwiseConv2DInputGrad(options, gradient.data(), {2.0f, 8}, Whole(filter, options), nullptr,
                               kNoMask, result.data());
  // Channel 0: [4, 8 - 6, -12] / 2; channel 1: [-8, -2, 0] / 2.
  EXPECT_EQ(result, (std::vector<int16_t>{2, -4, 1, -1, -6, 0}));
  EXPECT_EQ(scale.sigma, 1.0f);  // 2 * 0.25 * 2^1
  EXPECT_EQ(scale.max_abs, 6);
}

TEST(DepthwiseConv2DInputGrad, DepthMultiplierSumsAtOneScale) {
  // 3 * 100 * 32767 / 2^15 + 5 * 100 * 8192 / 2^15 = 424.99; the shift of -6 keeps 6 more
  // bits of it: bound = 100 * 4 has 9 bits, 15 may stay.
  const ConvInputGradOptions options = {1, OneRow(1, 1, 1, 2), 15, 15, 4, -129, 128, 1.0f, 0};
  const std::vector<int16_t> gradient = {100, 100};
  const std::vector<int16_t> multiplier = {32767, 8192};
  const std::vector<int8_t> filter = {3, 5};
  std::vector<int16_t> result(1);
  const GradientScale scale =
      DepthwiseConv2DInputGrad(options, gradient.data(), {1.0f, 100}, Whole(filter, options),
                               multiplier.data(), kNoMask, result.data());
  EXPECT_EQ(result[0], 27199);  // 424.99 * 2^6
  EXPECT_EQ(scale.sigma, 1.0f / 64);
}

TEST(DepthwiseConv2DInputGrad, DepthMultiplierAcrossBlocksOfChannels) {
  constexpr int32_t kMultiplier = 150;
  const ConvInputGradOptions options = {1,  OneRow(1, 2, 1, 2 * kMultiplier), 15, 8, 150, -129,
                                        128, 1.0f, 0};
  const std::vector<int16_t> gradient(2 * kMultiplier, 1);
  std::vector<int8_t> filter(2 * kMultiplier, 1);
  for (int32_t j = 0; j < kMultiplier; ++j) filter[kMultiplier + j] = -1;
  std::vector<int16_t> result(2);
  DepthwiseConv2DInputGrad(options, gradient.data(), {1.0f, 1}, Whole(filter, options), nullptr,
                           kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{150, -150}));
}

TEST(DepthwiseConv2DInputGrad, SplitAcrossTheOutputsOfOneInput) {
  const ConvInputGradOptions options = {2, OneRow(1, 1, 1, 3), 15, 15, 6, -129, 128, 1.0f, 1};
  const std::vector<int16_t> gradient = {1, 10, 100};
  const int8_t filter = 3;
  const std::vector<int8_t> frozen = {2, 1};
  int16_t result = 0;
  const GradientScale scale =
      DepthwiseConv2DInputGrad(options, gradient.data(), {1.0f, 100},
                               {&filter, frozen.data(), 1, 3}, nullptr, kNoMask, &result);
  EXPECT_EQ(static_cast<float>(result) * scale.sigma, 123.0f);
}

TEST(DepthwiseConv2DInputGrad, MaskHides) {
  const ConvInputGradOptions options = {1, OneRow(1, 2, 1, 2), 15, 3, 1, 0, 100, 1.0f, 0};
  const std::vector<int16_t> gradient = {5, 7};
  const std::vector<int8_t> filter = {1, 1};
  const std::vector<int8_t> saved = {1, 0};
  std::vector<int16_t> result(2);
  const GradientScale scale = DepthwiseConv2DInputGrad(
      options, gradient.data(), {1.0f, 7}, Whole(filter, options), nullptr,
      {saved.data(), options.mask_min, options.mask_max}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{5, 0}));
  EXPECT_EQ(scale.max_abs, 5);
}

TEST(DepthwiseConv2DFilterUpdate, OnlyTheFirstChannelsMove) {
  // O = I * 2: output channels 0 and 1 read input channel 0.
  const ConvFilterUpdateOptions options = {2, OneRow(2, 2, 1, 4), 10, 3, 127, 0, 0};
  const std::vector<int8_t> input = {11, 12, 13, 14};
  const std::vector<int16_t> gradient = {1, 2, 3, 4, 5, 6, -7, 8};
  const float update_scale = 1.0f;
  std::vector<int8_t> filter = {0, 0, 0, 0};
  Random random(1);
  DepthwiseConv2DFilterUpdate(options, input.data(), gradient.data(), {1.0f, 8},
                              {1.0f, &update_scale, false}, {filter.data(), nullptr}, &random);
  // [1 * 1 + 3 * 5, 1 * 2 + 3 * 6, 2 * 3 - 4 * 7], the fourth is not trained.
  EXPECT_EQ(filter, (std::vector<int8_t>{-16, -20, 22, 0}));
}

TEST(DepthwiseConv2DFilterUpdate, PackedSliceMovesAsTheWholeFilter) {
  // Output channel 0 of 4 reads input channel 0 of 2; only those two are stored.
  const ConvFilterUpdateOptions options = {2, OneRow(2, 2, 1, 4), 10, 1, 127, 1, 1};
  const std::vector<int8_t> input = {11, 13};
  const std::vector<int8_t> gradient = {1, 2, 3, 4, 5, 6, -7, 8};
  const float update_scale = 1.0f;
  int8_t filter = 0;
  Random random(1);
  DepthwiseConv2DFilterUpdate(options, input.data(), gradient.data(), {1.0f, 8},
                              {1.0f, &update_scale, false}, {&filter, nullptr}, &random);
  EXPECT_EQ(filter, -16);
}

}  // namespace
}  // namespace tflm_training
