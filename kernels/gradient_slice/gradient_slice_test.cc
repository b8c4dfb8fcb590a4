#include "kernels/gradient_slice/gradient_slice.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

const GradientSliceOptions kOptions = {1, {1, 2, 3, 2}, {0, 1, 1, 1}, {1, 1, 2, 1}, -128, 127};
const std::vector<int16_t> kGradient = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

TEST(GradientSlice, CopiesTheBox) {
  std::vector<int16_t> result(2);
  const GradientScale scale = GradientSlice(kOptions, kGradient.data(), {0.5f, 11},
                                            {nullptr, -128, 127}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{9, 11}));
  EXPECT_EQ(scale.sigma, 0.5f);
  EXPECT_EQ(scale.max_abs, 11);
}

TEST(GradientSlice, MaskHasTheShapeOfTheBox) {
  const std::vector<int8_t> saved = {5, 127};
  std::vector<int16_t> result(2);
  const GradientScale scale = GradientSlice(kOptions, kGradient.data(), {0.5f, 11},
                                            {saved.data(), -128, 127}, result.data());
  EXPECT_EQ(result, (std::vector<int16_t>{9, 0}));
  EXPECT_EQ(scale.max_abs, 9);
}

TEST(GradientSlice, WorksInPlace) {
  std::vector<int16_t> gradient = kGradient;
  GradientSlice(kOptions, gradient.data(), {0.5f, 11}, {nullptr, 0, 0}, gradient.data());
  EXPECT_EQ(gradient[0], 9);
  EXPECT_EQ(gradient[1], 11);
}

TEST(GradientSlice, WritesNothingWithoutAGradient) {
  std::vector<int16_t> result(2, 77);
  EXPECT_EQ(GradientSlice(kOptions, kGradient.data(), {1.0f, 0}, {nullptr, 0, 0}, result.data())
                .max_abs,
            0);
  EXPECT_EQ(result, std::vector<int16_t>(2, 77));
}

}  // namespace
}  // namespace tflm_training
