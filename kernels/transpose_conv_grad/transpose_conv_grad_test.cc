#include "kernels/transpose_conv_grad/transpose_conv_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr ActivationMask kNoMask = {nullptr, 0, 0};
constexpr int32_t kUnmaskedMin = -129;
constexpr int32_t kUnmaskedMax = 128;

// A [1, inputs, I] map that becomes [1, outputs, O], filters of [O, 1, window, I].
ConvGeometry OneRow(int32_t inputs, int32_t input_channels, int32_t window, int32_t outputs,
                    int32_t output_channels, int32_t stride, int32_t padding) {
  return {1, inputs, input_channels, 1, window, 1, outputs, output_channels,
          1, stride, 1, 1, 0, padding};
}

ConvInputGradOptions InputGrad(const ConvGeometry& geometry, int32_t accumulator_bits,
                               int32_t weight_bound) {
  return {ConvInputGradOptions::kVersion, geometry,     accumulator_bits, 15,
          weight_bound,                   kUnmaskedMin, kUnmaskedMax,     0.5f,
          0};
}

struct Result {
  std::vector<int16_t> mantissas;
  GradientScale scale;
};

Result Gradient(const ConvInputGradOptions& options, const std::vector<int16_t>& gradient,
                GradientScale scale, const std::vector<int8_t>& filter,
                const int16_t* multiplier = nullptr, ActivationMask mask = kNoMask) {
  const ConvGeometry& g = options.geometry;
  Result result{
      std::vector<int16_t>(static_cast<size_t>(g.input_height * g.input_width * g.input_channels),
                           77),
      {}};
  const SplitFilter whole = {filter.data(), nullptr, 0, g.input_channels};
  result.scale = TransposeConvInputGrad(options, gradient.data(), scale, whole, multiplier, mask,
                                        result.mantissas.data());
  return result;
}

TEST(TransposeConvInputGrad, IsTheConvolutionOfTheGradient) {
  // VALID, stride 2: input x spreads over outputs 2 * x .. 2 * x + 2.
  const ConvInputGradOptions options = InputGrad(OneRow(2, 1, 3, 5, 1, 2, 0), 3, 111);
  const Result result = Gradient(options, {1, 2, 3, 4, 5}, {8.0f, 5}, {1, 10, 100});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{321, 543}));
  EXPECT_EQ(result.scale.sigma, 4.0f);  // 8 * 0.5
  EXPECT_EQ(result.scale.max_abs, 543);
}

TEST(TransposeConvInputGrad, TapsOutsideTheOutputAreLeftOut) {
  // SAME, stride 2 to 4 pixels, padding 0: the last tap of input 1 would be output 4.
  const ConvInputGradOptions right = InputGrad(OneRow(2, 1, 3, 4, 1, 2, 0), 3, 111);
  EXPECT_EQ(Gradient(right, {1, 2, 3, 4}, {1.0f, 4}, {1, 10, 100}).mantissas,
            (std::vector<int16_t>{321, 43}));
  // SAME, stride 1: one pixel is padded on each side.
  const ConvInputGradOptions both = InputGrad(OneRow(3, 1, 3, 3, 1, 1, 1), 2, 111);
  EXPECT_EQ(Gradient(both, {1, 2, 3}, {1.0f, 3}, {1, 10, 100}).mantissas,
            (std::vector<int16_t>{210, 321, 32}));
}

TEST(TransposeConvInputGrad, AStrideBeyondTheWindowSkipsOutputs) {
  const ConvInputGradOptions options = InputGrad(OneRow(2, 1, 1, 4, 1, 3, 0), 3, 10);
  EXPECT_EQ(Gradient(options, {1, 7, 7, 2}, {1.0f, 7}, {10}).mantissas,
            (std::vector<int16_t>{10, 20}));
}

TEST(TransposeConvInputGrad, MultiplierBringsOutputChannelsToOneScale) {
  // headroom = 15 - bits(64) = 8: a = rshift(64 * [32767, 16384], 7) = [16384, 8192].
  const ConvInputGradOptions options = InputGrad(OneRow(1, 1, 1, 1, 2, 1, 0), 15, 2);
  const std::vector<int16_t> multiplier = {32767, 16384};
  const Result result = Gradient(options, {64, 64}, {256.0f, 64}, {1, 1}, multiplier.data());
  EXPECT_EQ(result.mantissas[0], 12288);  // bound 32768 has 16 bits: one is shifted out of 24576
  EXPECT_EQ(result.scale.sigma, 1.0f);    // 256 * 0.5 * 2^(1 - 8)
}

TEST(TransposeConvInputGrad, MaskedChannelsDoNotCountForTheMaximum) {
  ConvInputGradOptions options = InputGrad(OneRow(1, 3, 1, 1, 1, 1, 0), 1, 90);
  options.mask_min = -128;
  options.mask_max = 127;
  const std::vector<int8_t> saved = {-127, 127, -128};
  const Result result =
      Gradient(options, {1}, {1.0f, 1}, {10, 90, -50}, nullptr, {saved.data(), -128, 127});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{10, 0, 0}));
  EXPECT_EQ(result.scale.max_abs, 10);
}

ConvFilterUpdateOptions FilterUpdate(const ConvGeometry& geometry, int32_t channels) {
  return {ConvFilterUpdateOptions::kVersion, geometry, -1, channels, 127, 0, 0};
}

std::vector<int8_t> Updated(const ConvFilterUpdateOptions& options,
                            const std::vector<int8_t>& input, const std::vector<int16_t>& gradient,
                            GradientScale scale, std::vector<int8_t> filter) {
  const float update_scale = 4.0f;
  Random random(1);
  // learning_rate * sigma * update_scale = 2 * sigma.
  TransposeConvFilterUpdate(options, input.data(), gradient.data(), scale,
                            {0.5f, &update_scale, false}, {filter.data(), nullptr}, &random);
  EXPECT_EQ(random.state(), 1u);  // steps above half an LSB are not rounded at random
  return filter;
}

TEST(TransposeConvFilterUpdate, EachTapMeetsEachInputOnce) {
  // Inputs 1 and 3 above the zero point; tap k meets outputs k and k + 2.
  const ConvFilterUpdateOptions options = FilterUpdate(OneRow(2, 1, 3, 5, 1, 2, 0), 1);
  EXPECT_EQ(Updated(options, {0, 2}, {1, 2, 3, 4, 5}, {0.5f, 5}, {0, 0, 0}),
            (std::vector<int8_t>{-(1 + 9), -(2 + 12), -(3 + 15)}));
}

TEST(TransposeConvFilterUpdate, OutputsThatAreNotThereAddNothing) {
  // SAME, stride 1: tap 0 of input 0 and tap 2 of input 1 lie outside.
  const ConvFilterUpdateOptions options = FilterUpdate(OneRow(2, 1, 3, 2, 1, 1, 1), 1);
  EXPECT_EQ(Updated(options, {0, 2}, {10, 20}, {0.5f, 20}, {0, 0, 0}),
            (std::vector<int8_t>{-30, -(10 + 60), -20}));
}

TEST(TransposeConvFilterUpdate, OnlyTheTrainedInputChannelsMove) {
  const ConvFilterUpdateOptions options = FilterUpdate(OneRow(1, 2, 1, 1, 2, 1, 0), 1);
  EXPECT_EQ(Updated(options, {4, 50}, {3, -2}, {0.5f, 3}, {1, 2, 3, 4}),
            (std::vector<int8_t>{-14, 2, 13, 4}));
}

}  // namespace
}  // namespace tflm_training
