#include "kernels/average_pool_2d_grad/average_pool_2d_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr ActivationMask kNoMask = {nullptr, 0, 0};

PoolGradOptions OneRow(int32_t inputs, int32_t outputs, int32_t filter, int32_t stride,
                       int32_t padding) {
  return {1, 1, inputs, 1, 1, filter, 1, outputs, 1, stride, 0, padding, 15, -129, 128};
}

TEST(AveragePool2DGrad, GlobalPoolSpreadsTheGradient) {
  const PoolGradOptions options = {1, 2, 2, 3, 2, 2, 1, 1, 2, 2, 0, 0, 15, -129, 128};
  const std::vector<int16_t> gradient = {5, -7, 32767};
  std::vector<int16_t> result(12);
  const GradientScale scale =
      AveragePool2DGrad(options, gradient.data(), {0.5f, 32767}, kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{5, -7, 32767, 5, -7, 32767, 5, -7, 32767, 5, -7, 32767}));
  EXPECT_EQ(scale.sigma, 0.125f);
  EXPECT_EQ(scale.max_abs, 32767);
}

TEST(AveragePool2DGrad, UnevenWindowsCountInputsInsideTheMap) {
  // SAME: the windows hold {0, 1}, {1, 2, 3} and {3, 4}; the smallest count is 2.
  const PoolGradOptions options = OneRow(5, 3, 3, 2, 1);
  const std::vector<int16_t> gradient = {300, 300, -600};
  std::vector<int16_t> result(5);
  const GradientScale scale =
      AveragePool2DGrad(options, gradient.data(), {1.0f, 600}, kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{300, 500, 200, -400, -600}));
  EXPECT_EQ(scale.sigma, 0.5f);
  EXPECT_EQ(scale.max_abs, 600);
}

TEST(AveragePool2DGrad, OverlapIsShiftedIntoTheBits) {
  const PoolGradOptions options = OneRow(3, 2, 2, 1, 0);
  const std::vector<int16_t> gradient = {32767, 32767};
  std::vector<int16_t> result(3);
  const GradientScale scale =
      AveragePool2DGrad(options, gradient.data(), {1.0f, 32767}, kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{16384, 32767, 16384}));
  EXPECT_EQ(scale.sigma, 1.0f);  // / 2 * 2
}

TEST(AveragePool2DGrad, MaskHidesAndLeavesTheMaximum) {
  const PoolGradOptions options = OneRow(4, 2, 2, 2, 0);
  const std::vector<int16_t> gradient = {10, -20};
  const std::vector<int8_t> saved = {0, -128, 127, -128};
  std::vector<int16_t> result(4);
  const GradientScale scale = AveragePool2DGrad(options, gradient.data(), {1.0f, 20},
                                                {saved.data(), -128, 127}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{10, 0, 0, 0}));
  EXPECT_EQ(scale.max_abs, 10);
}

TEST(AveragePool2DGrad, WritesNothingWithoutAGradient) {
  const std::vector<int16_t> gradient = {10, -20};
  std::vector<int16_t> result(4, 77);
  EXPECT_EQ(AveragePool2DGrad(OneRow(4, 2, 2, 2, 0), gradient.data(), {1.0f, 0}, kNoMask,
                              result.data())
                .max_abs,
            0);
  EXPECT_EQ(result, std::vector<int16_t>(4, 77));
}

TEST(AveragePool2DGrad, ManyChannelsAreSummedInBlocks) {
  PoolGradOptions options = OneRow(2, 1, 2, 1, 0);
  options.channels = 37;
  std::vector<int16_t> gradient(37);
  for (size_t c = 0; c < gradient.size(); ++c) gradient[c] = static_cast<int16_t>(c);
  std::vector<int16_t> result(74);
  AveragePool2DGrad(options, gradient.data(), {1.0f, 36}, kNoMask, result.data());
  for (size_t i = 0; i < result.size(); ++i) {
    // The bound counts two overlapping windows: 36 * 2 still fits 15 bits.
    EXPECT_EQ(result[i], static_cast<int16_t>(i % 37));
  }
}

TEST(PoolGeometry, RejectsWindowsOutsideTheMap) {
  EXPECT_TRUE(IsValid(OneRow(5, 3, 3, 2, 1)));
  EXPECT_FALSE(IsValid(OneRow(5, 3, 3, 0, 1)));       // stride
  EXPECT_FALSE(IsValid(OneRow(5, 3, 3, 2, 3)));       // first window is padding only
  EXPECT_FALSE(IsValid(OneRow(5, 4, 3, 2, 1)));       // last window is padding only
  EXPECT_FALSE(IsValid(OneRow(5, 3, 3, 2, -1)));      // padding
  EXPECT_FALSE(IsValid(OneRow(0, 3, 3, 2, 1)));       // extent
  EXPECT_FALSE(IsValid(OneRow(1 << 16, 3, 3, 2, 1)));  // extent
  PoolGradOptions options = {1, 300, 300, 1, 300, 300, 1, 1, 1, 1, 0, 0, 15, -129, 128};
  EXPECT_FALSE(IsValid(options));  // 90000 windows may hold one input
}

}  // namespace
}  // namespace tflm_training
