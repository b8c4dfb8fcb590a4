#include "kernels/max_pool_2d_grad/max_pool_2d_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

PoolGradOptions OneRow(int32_t inputs, int32_t outputs, int32_t filter, int32_t stride,
                       int32_t padding) {
  return {1, 1, inputs, 1, 1, filter, 1, outputs, 1, stride, 0, padding, 15, -129, 128};
}

TEST(MaxPool2DGrad, TheFirstOfEqualInputsTakesTheGradient) {
  const PoolGradOptions options = {1, 2, 4, 1, 2, 2, 1, 2, 2, 2, 0, 0, 15, -129, 128};
  const std::vector<int8_t> input = {7, 7, -1, 2,  //
                                     7, 3, 5, 5};
  const std::vector<int16_t> gradient = {100, -32767};
  std::vector<int16_t> result(8, 77);
  const GradientScale scale =
      MaxPool2DGrad(options, gradient.data(), {0.25f, 32767}, input.data(), result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{100, 0, 0, 0, 0, 0, -32767, 0}));
  EXPECT_EQ(scale.sigma, 0.25f);
  EXPECT_EQ(scale.max_abs, 32767);
}

TEST(MaxPool2DGrad, OverlappingWindowsAddUpWithoutOverflow) {
  const std::vector<int8_t> input = {0, 9, 0};
  const std::vector<int16_t> gradient = {32767, 32767};
  std::vector<int16_t> result(3, 77);
  const GradientScale scale = MaxPool2DGrad(OneRow(3, 2, 2, 1, 0), gradient.data(),
                                            {1.0f, 32767}, input.data(), result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{0, 32767, 0}));
  EXPECT_EQ(scale.sigma, 2.0f);
}

TEST(MaxPool2DGrad, SmallMantissasAreNotShifted) {
  const std::vector<int8_t> input = {0, 9, 0};
  const std::vector<int16_t> gradient = {3, 4};
  std::vector<int16_t> result(3, 77);
  const GradientScale scale = MaxPool2DGrad(OneRow(3, 2, 2, 1, 0), gradient.data(), {1.0f, 4},
                                            input.data(), result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{0, 7, 0}));
  EXPECT_EQ(scale.sigma, 1.0f);
  EXPECT_EQ(scale.max_abs, 7);
}

TEST(MaxPool2DGrad, PaddingTakesNoGradient) {
  // The windows hold {0, 1} and {1, 2}; all inputs are the least value there is.
  const std::vector<int8_t> input = {-128, -128, -128};
  const std::vector<int16_t> gradient = {5, 6};
  std::vector<int16_t> result(3, 77);
  MaxPool2DGrad(OneRow(3, 2, 3, 2, 1), gradient.data(), {1.0f, 6}, input.data(), result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{5, 6, 0}));
}

TEST(MaxPool2DGrad, ClampedInputsAreMasked) {
  PoolGradOptions options = OneRow(4, 2, 2, 2, 0);
  options.mask_max = 127;
  const std::vector<int8_t> input = {1, 127, 3, 4};
  const std::vector<int16_t> gradient = {5, 6};
  std::vector<int16_t> result(4, 77);
  const GradientScale scale =
      MaxPool2DGrad(options, gradient.data(), {1.0f, 6}, input.data(), result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{0, 0, 0, 6}));
  EXPECT_EQ(scale.max_abs, 6);
}

TEST(MaxPool2DGrad, WritesNothingWithoutAGradient) {
  const std::vector<int8_t> input(4);
  const std::vector<int16_t> gradient(2);
  std::vector<int16_t> result(4, 77);
  EXPECT_EQ(MaxPool2DGrad(OneRow(4, 2, 2, 2, 0), gradient.data(), {1.0f, 0}, input.data(),
                          result.data())
                .max_abs,
            0);
  EXPECT_EQ(result, std::vector<int16_t>(4, 77));
}

}  // namespace
}  // namespace tflm_training
