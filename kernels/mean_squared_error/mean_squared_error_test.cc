#include "kernels/mean_squared_error/mean_squared_error.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

const MeanSquaredErrorOptions kOptions = {1, 4, 0.25f, 0.5f};

TEST(MeanSquaredError, LossAndGradient) {
  const std::vector<int8_t> output = {-128, 127, 3, 5};
  const std::vector<int8_t> target = {127, -128, 3, 1};
  std::vector<int16_t> gradient(4);
  GradientScale scale;
  const float loss =
      MeanSquaredError(kOptions, output.data(), target.data(), 0.1f, gradient.data(), &scale);
  EXPECT_EQ(loss, (2 * 255 * 255 + 16) * 0.25f);
  EXPECT_EQ(gradient, (std::vector<int16_t>{-255, 255, 0, 4}));
  EXPECT_EQ(scale.sigma, 0.5f);
  EXPECT_EQ(scale.max_abs, 255);
}

TEST(MeanSquaredError, Int8GivesUpABitWhereADifferenceIsLarge) {
  const std::vector<int8_t> output = {-128, 127, 3, 5};
  std::vector<int8_t> target = {127, -128, 3, 1};
  std::vector<int8_t> gradient(4);
  GradientScale scale;
  MeanSquaredError(kOptions, output.data(), target.data(), 0.1f, gradient.data(), &scale);
  EXPECT_EQ(gradient, (std::vector<int8_t>{-127, 127, 0, 2}));
  EXPECT_EQ(scale.sigma, 1.0f);
  EXPECT_EQ(scale.max_abs, 127);

  target = {-1, 127, 3, 0};
  MeanSquaredError(kOptions, output.data(), target.data(), 0.1f, gradient.data(), &scale);
  EXPECT_EQ(gradient, (std::vector<int8_t>{-127, 0, 0, 5}));
  EXPECT_EQ(scale.sigma, 0.5f);
}

TEST(MeanSquaredError, EqualTensorsHaveNoGradient) {
  const std::vector<int8_t> output = {-128, 127, 3, 5};
  std::vector<int16_t> gradient(4, 77);
  GradientScale scale;
  EXPECT_EQ(MeanSquaredError(kOptions, output.data(), output.data(), 0.1f, gradient.data(), &scale),
            0.0f);
  EXPECT_EQ(scale.max_abs, 0);
}

TEST(MeanSquaredError, LearningRateThatIsNoneGivesALossWithoutGradient) {
  const std::vector<int8_t> output = {1, 2, 3, 5};
  const std::vector<int8_t> target = {2, 2, 3, 5};
  for (float rate : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<int16_t> gradient(4, 77);
    GradientScale scale;
    EXPECT_EQ(
        MeanSquaredError(kOptions, output.data(), target.data(), rate, gradient.data(), &scale),
        0.25f);
    EXPECT_EQ(scale.max_abs, 0);
    EXPECT_EQ(gradient, std::vector<int16_t>(4, 77));
  }
}

TEST(MeanSquaredError, SumOfSquaresDoesNotOverflow) {
  const int32_t elements = 40000;  // 40000 * 255^2 > 2^31
  const std::vector<int8_t> output(elements, 127);
  const std::vector<int8_t> target(elements, -128);
  std::vector<int16_t> gradient(elements);
  GradientScale scale;
  EXPECT_EQ(MeanSquaredError({1, elements, 1.0f, 1.0f}, output.data(), target.data(), 0.1f,
                             gradient.data(), &scale),
            2601000000.0f);
}

}  // namespace
}  // namespace tflm_training
