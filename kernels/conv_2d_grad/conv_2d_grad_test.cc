#include "kernels/conv_2d_grad/conv_2d_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

SplitFilter Whole(const std::vector<int8_t>& filter, const ConvInputGradOptions& options) {
  return {filter.data(), nullptr, 0, options.geometry.input_channels};
}

constexpr ActivationMask kNoMask = {nullptr, 0, 0};
constexpr int32_t kUnmaskedMin = -129;
constexpr int32_t kUnmaskedMax = 128;

// A [1, width, I] map, filters of [O, 1, window, I].
ConvGeometry OneRow(int32_t inputs, int32_t input_channels, int32_t window, int32_t outputs,
                    int32_t output_channels, int32_t stride, int32_t padding) {
  return {1, inputs, input_channels, 1, window, 1, outputs, output_channels,
          1, stride, 1, 1, 0, padding};
}

ConvInputGradOptions InputGrad(const ConvGeometry& geometry, int32_t accumulator_bits,
                               int32_t gradient_bits, int32_t weight_bound) {
  return {1,            geometry,     accumulator_bits, gradient_bits,
          weight_bound, kUnmaskedMin, kUnmaskedMax,     0.5f,
          0};
}

TEST(Conv2DInputGrad, FullyConnectedIsTheTransposedProduct) {
  // headroom = 3 - bits(3) = 1: a = [2, -6]; acc = [2 * 1 - 6 * 4, ...].
  const ConvInputGradOptions options = InputGrad(OneRow(1, 3, 1, 1, 2, 1, 0), 3, 15, 9);
  const std::vector<int16_t> gradient = {1, -3};
  const std::vector<int8_t> filter = {1, 2, 3, 4, 5, -6};
  std::vector<int16_t> result(3);
  const GradientScale scale = Conv2DInputGrad(options, gradient.data(), {8.0f, 3},
                                              Whole(filter, options), nullptr, kNoMask,
                                              result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{-22, -26, 42}));
  EXPECT_EQ(scale.sigma, 2.0f);  // 8 * 0.5 / 2^1
  EXPECT_EQ(scale.max_abs, 42);
}

TEST(Conv2DInputGrad, MultiplierBringsChannelsToOneScale) {
  // headroom = 15 - bits(64) = 8: a = rshift(64 * [32767, 16384], 7) = [16384, 8192].
  const ConvInputGradOptions options = InputGrad(OneRow(1, 1, 1, 1, 2, 1, 0), 15, 15, 2);
  const std::vector<int16_t> gradient = {64, 64};
  const std::vector<int16_t> multiplier = {32767, 16384};
  const std::vector<int8_t> filter = {1, 1};
  std::vector<int16_t> result(1);
  const GradientScale scale =
      Conv2DInputGrad(options, gradient.data(), {256.0f, 64}, Whole(filter, options),
                      multiplier.data(), kNoMask, result.data());
  EXPECT_EQ(result[0], 12288);   // bound 32768 has 16 bits: one is shifted out of 24576
  EXPECT_EQ(scale.sigma, 1.0f);  // 256 * 0.5 * 2^(1 - 8)
}

TEST(Conv2DInputGrad, StrideAndPaddingDecideWhatReachesAPixel) {
  // SAME, stride 2 on 4 pixels: output 0 reads pixels 0..2, output 1 reads 2, 3 and padding.
  const ConvInputGradOptions options = InputGrad(OneRow(4, 1, 3, 2, 1, 2, 0), 2, 15, 4);
  const std::vector<int16_t> gradient = {1, 2};
  const std::vector<int8_t> filter = {1, 10, 100};
  std::vector<int16_t> result(4);
  Conv2DInputGrad(options, gradient.data(), {1.0f, 2}, Whole(filter, options), nullptr, kNoMask,
                  result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{1, 10, 102, 20}));
}

TEST(Conv2DInputGrad, DilatedTapsOutsideTheMapAreLeftOut) {
  ConvGeometry geometry = OneRow(3, 1, 2, 3, 1, 1, 1);
  geometry.dilation_width = 2;  // output x reads x - 1 and x + 1
  const ConvInputGradOptions options = InputGrad(geometry, 3, 15, 11);
  const std::vector<int16_t> gradient = {1, 2, 4};
  const std::vector<int8_t> filter = {1, 10};
  std::vector<int16_t> result(3);
  Conv2DInputGrad(options, gradient.data(), {1.0f, 4}, Whole(filter, options), nullptr, kNoMask,
                  result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{2, 14, 20}));
}

TEST(Conv2DInputGrad, MaskedChannelsDoNotCountForTheMaximum) {
  const ConvInputGradOptions masked = {1,  OneRow(1, 3, 1, 1, 1, 1, 0), 1, 15, 90, -128, 127,
                                       1.0f, 0};
  const std::vector<int16_t> gradient = {1};
  const std::vector<int8_t> filter = {10, 90, -50};
  const std::vector<int8_t> saved = {-127, 127, -128};
  std::vector<int16_t> result(3);
  const GradientScale scale =
      Conv2DInputGrad(masked, gradient.data(), {1.0f, 1}, Whole(filter, masked), nullptr,
                      {saved.data(), masked.mask_min, masked.mask_max}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{10, 0, 0}));
  EXPECT_EQ(scale.max_abs, 10);
}

TEST(Conv2DInputGrad, SplitFilterIsTheWholeOne) {
  ConvInputGradOptions options = InputGrad(OneRow(2, 3, 2, 1, 2, 1, 0), 3, 15, 30);
  const std::vector<int16_t> gradient = {1, -3};
  const std::vector<int8_t> whole = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<int16_t> expected(6);
  Conv2DInputGrad(options, gradient.data(), {1.0f, 3}, Whole(whole, options), nullptr, kNoMask,
                  expected.data());
  const std::vector<int8_t> filter = {1, 4, 7, 10};
  const std::vector<int8_t> frozen = {2, 3, 5, 6, 8, 9, 11, 12};
  std::vector<int16_t> result(6);
  Conv2DInputGrad(options, gradient.data(), {1.0f, 3}, {filter.data(), frozen.data(), 1, 3},
                  nullptr, kNoMask, result.data());
  EXPECT_EQ(result, expected);
}

TEST(Conv2DInputGrad, Int8MantissasAndBitMask) {
  const ConvInputGradOptions options = InputGrad(OneRow(1, 3, 1, 1, 2, 1, 0), 3, 7, 9);
  const std::vector<int8_t> gradient = {1, -3};
  const std::vector<int8_t> filter = {1, 2, 3, 4, 5, -6};
  const uint8_t bits = 0b101;
  std::vector<int8_t> result(3);
  const GradientScale scale =
      Conv2DInputGrad(options, gradient.data(), {8.0f, 3}, Whole(filter, options), nullptr,
                      {nullptr, 0, 0, &bits}, result.data());
  EXPECT_EQ(result, (std::vector<int8_t>{-22, 0, 42}));
  EXPECT_EQ(scale.max_abs, 42);
}

ConvFilterUpdateOptions FilterUpdate(const ConvGeometry& geometry, int32_t channels) {
  return {ConvFilterUpdateOptions::kVersion, geometry, -1, channels, 127, 0, 0};
}

TEST(Conv2DFilterUpdate, MovesAgainstTheGradientAtFullPrecision) {
  // Pixels 1 and 3 above the zero point of -1; learning_rate * sigma * update_scale = 1.
  const ConvFilterUpdateOptions options = FilterUpdate(OneRow(2, 1, 1, 2, 2, 1, 0), 1);
  const std::vector<int8_t> input = {0, 2};
  const std::vector<int16_t> gradient = {5, 1, -2, 100};
  const float update_scale = 4.0f;
  std::vector<int8_t> filter = {10, 20};
  Random random(1);
  Conv2DFilterUpdate(options, input.data(), gradient.data(), {0.5f, 100},
                     {0.5f, &update_scale, false}, {filter.data(), nullptr}, &random);
  // acc = [1 * 5 - 3 * 2, 1 * 1 + 3 * 100] = [-1, 301].
  EXPECT_EQ(filter, (std::vector<int8_t>{11, -107}));
  EXPECT_EQ(random.state(), 1u);  // steps above half an LSB are not rounded at random
}

TEST(Conv2DFilterUpdate, RoundsAtRandomWithTheRightMean) {
  constexpr int kWeights = 4096;
  const ConvFilterUpdateOptions options =
      FilterUpdate(OneRow(1, kWeights, 1, 1, 1, 1, 0), kWeights);
  const std::vector<int8_t> input(kWeights, 0);
  const int16_t gradient = 96;
  const float update_scale = 1.0f / 256.0f;
  std::vector<int8_t> filter(kWeights, 0);
  Random random(1);
  Conv2DFilterUpdate(options, input.data(), &gradient, {1.0f, 96}, {1.0f, &update_scale, false},
                     {filter.data(), nullptr}, &random);
  int sum = 0;
  for (const int8_t weight : filter) {
    ASSERT_TRUE(weight == 0 || weight == -1);
    sum += weight;
  }
  // 4096 * 96 / 256 = 1536, a standard deviation of 31.
  EXPECT_NEAR(sum, -1536, 124);
}

TEST(Conv2DFilterUpdate, FrozenAndUntrainedWeightsStay) {
  const ConvFilterUpdateOptions options = FilterUpdate(OneRow(1, 2, 1, 1, 2, 1, 0), 1);
  const std::vector<int8_t> input = {50, 50};
  const std::vector<int16_t> gradient = {9, 9};
  const std::vector<float> update_scale = {0.0f, 1e9f};
  std::vector<int8_t> filter = {1, 2, 3, 4};
  Random random(5);
  Conv2DFilterUpdate(options, input.data(), gradient.data(), {1.0f, 9},
                     {1.0f, update_scale.data(), true}, {filter.data(), nullptr}, &random);
  EXPECT_EQ(filter, (std::vector<int8_t>{1, 2, -124, 4}));
}

TEST(Conv2DFilterUpdate, PackedSliceMovesAsTheWholeFilter) {
  // Input channel 0 of 2, in tensors of their own: acc = 1 * 5 - 3 * 2 = -1 at output 0.
  ConvFilterUpdateOptions options = FilterUpdate(OneRow(2, 2, 1, 2, 2, 1, 0), 1);
  options.stored_channels = 1;
  options.filter_channels = 1;
  const std::vector<int8_t> input = {0, 2};
  const std::vector<int16_t> gradient = {5, 1, -2, 100};
  const float update_scale = 4.0f;
  std::vector<int8_t> filter = {10, 20};
  Random random(1);
  Conv2DFilterUpdate(options, input.data(), gradient.data(), {0.5f, 100},
                     {0.5f, &update_scale, false}, {filter.data(), nullptr}, &random);
  EXPECT_EQ(filter, (std::vector<int8_t>{11, -107}));
}

}  // namespace
}  // namespace tflm_training
