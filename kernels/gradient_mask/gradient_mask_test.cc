#include "kernels/gradient_mask/gradient_mask.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

const GradientMaskOptions kOptions = {1, 5, -128, 100};
const std::vector<int8_t> kSaved = {-128, -127, 99, 100, 127};
const ActivationMask kMask = {kSaved.data(), kOptions.mask_min, kOptions.mask_max};

TEST(GradientMask, HidesBothBoundsAndBeyond) {
  const std::vector<int16_t> gradient = {50, -2, 3, 40, 60};
  std::vector<int16_t> result(5, 77);
  const GradientScale scale =
      GradientMask(kOptions, gradient.data(), {0.5f, 60}, kMask, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{0, -2, 3, 0, 0}));
  EXPECT_EQ(scale.sigma, 0.5f);
  EXPECT_EQ(scale.max_abs, 3);
}

TEST(GradientMask, WorksInPlace) {
  std::vector<int16_t> gradient = {50, -2, 3, 40, 60};
  GradientMask(kOptions, gradient.data(), {0.5f, 60}, kMask, gradient.data());
  EXPECT_EQ(gradient, (std::vector<int16_t>{0, -2, 3, 0, 0}));
}

TEST(GradientMask, AllHiddenIsNoGradient) {
  const std::vector<int16_t> gradient = {50, 0, 0, 40, 60};
  std::vector<int16_t> result(5, 77);
  EXPECT_EQ(
      GradientMask(kOptions, gradient.data(), {0.5f, 60}, kMask, result.data()).max_abs,
      0);
}

TEST(GradientMask, WritesNothingWithoutAGradient) {
  const std::vector<int16_t> gradient(5);
  std::vector<int16_t> result(5, 77);
  EXPECT_EQ(
      GradientMask(kOptions, gradient.data(), {0.5f, 0}, kMask, result.data()).max_abs,
      0);
  EXPECT_EQ(result, std::vector<int16_t>(5, 77));
}

}  // namespace
}  // namespace tflm_training
