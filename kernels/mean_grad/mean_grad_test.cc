#include "kernels/mean_grad/mean_grad.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr ActivationMask kNoMask = {nullptr, 0, 0};

TEST(MeanGrad, SpreadsOverTheMap) {
  const MeanGradOptions options = {1, {1, 2, 2, 2}, {0, 1, 1, 0}, -129, 128};
  const std::vector<int16_t> gradient = {5, -9};
  std::vector<int16_t> result(8);
  const GradientScale scale =
      MeanGrad(options, gradient.data(), {1.0f, 9}, kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{5, -9, 5, -9, 5, -9, 5, -9}));
  EXPECT_EQ(scale.sigma, 0.25f);
  EXPECT_EQ(scale.max_abs, 9);
}

TEST(MeanGrad, ReducesAnyDimensions) {
  const MeanGradOptions options = {1, {2, 1, 3, 2}, {0, 0, 0, 1}, -129, 128};
  const std::vector<int16_t> gradient = {1, 2, 3, 4, 5, 6};
  std::vector<int16_t> result(12);
  const GradientScale scale =
      MeanGrad(options, gradient.data(), {1.0f, 6}, kNoMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}));
  EXPECT_EQ(scale.sigma, 0.5f);
}

TEST(MeanGrad, MaskHidesAndLeavesTheMaximum) {
  const MeanGradOptions options = {1, {1, 1, 1, 3}, {0, 0, 0, 0}, -128, 100};
  const std::vector<int16_t> gradient = {9, 5, 7};
  const std::vector<int8_t> saved = {-128, 99, 100};
  std::vector<int16_t> result(3);
  const GradientScale scale = MeanGrad(options, gradient.data(), {1.0f, 9},
                                       {saved.data(), -128, 100}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{0, 5, 0}));
  EXPECT_EQ(scale.max_abs, 5);
}

TEST(MeanGrad, WritesNothingWithoutAGradient) {
  const MeanGradOptions options = {1, {1, 1, 1, 3}, {0, 0, 0, 1}, -129, 128};
  const std::vector<int16_t> gradient = {9};
  std::vector<int16_t> result(3, 77);
  EXPECT_EQ(MeanGrad(options, gradient.data(), {1.0f, 0}, kNoMask, result.data()).max_abs, 0);
  EXPECT_EQ(result, std::vector<int16_t>(3, 77));
}

}  // namespace
}  // namespace tflm_training
