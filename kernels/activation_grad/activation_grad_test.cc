#include "kernels/activation_grad/activation_grad.h"

#include <array>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

using Derivative = std::array<int16_t, 256>;

// 32767 above 0, half of it at 0, 0 below.
Derivative Step() {
  Derivative derivative = {};
  derivative[128] = 16384;
  for (int q = 1; q < 128; ++q) derivative[static_cast<size_t>(q + 128)] = 32767;
  return derivative;
}

TEST(ActivationGrad, LooksTheDerivativeUp) {
  const ActivationGradOptions options = {1, 5, 15, 0.25f};
  const std::vector<int16_t> gradient = {32767, -32767, 20000, 300, -3};
  const std::vector<int8_t> activation = {127, 1, 0, -1, -128};
  std::vector<int16_t> result(5, 77);
  const GradientScale scale = ActivationGrad(options, gradient.data(), {0.5f, 32767},
                                             activation.data(), Step().data(), result.data());
  // bits(32767 * 32767) - 15 = 15
  EXPECT_EQ(result, (std::vector<int16_t>{32766, -32766, 10000, 0, 0}));
  EXPECT_EQ(scale.sigma, 0.5f * 0.25f * 32768.0f);
  EXPECT_EQ(scale.max_abs, 32766);
}

TEST(ActivationGrad, SmallGradientsKeepTheirFractions) {
  const ActivationGradOptions options = {1, 1, 15, 1.0f / 32767.0f};
  const std::vector<int16_t> gradient = {1};
  const std::vector<int8_t> activation = {0};
  std::vector<int16_t> result(1);
  const GradientScale scale = ActivationGrad(options, gradient.data(), {1.0f, 1},
                                             activation.data(), Step().data(), result.data());
  EXPECT_EQ(result[0], 16384);
  EXPECT_NEAR(static_cast<float>(result[0]) * scale.sigma, 0.5f, 1e-4f);
}

TEST(ActivationGrad, KeepsToTheBitsAtEveryExtreme) {
  Derivative derivative;
  derivative.fill(-32768);
  const std::vector<int8_t> activation = {-128, 127};
  for (int32_t bits = 1; bits <= 15; ++bits) {
    std::vector<int16_t> mantissas = {32767, -32767};
    const ActivationGradOptions options = {1, 2, bits, 1.0f};
    ActivationGrad(options, mantissas.data(), {1.0f, 32767}, activation.data(), derivative.data(),
                   mantissas.data());
    const auto limit = static_cast<int16_t>((1 << bits) - 1);
    EXPECT_EQ(mantissas, (std::vector<int16_t>{static_cast<int16_t>(-limit), limit})) << bits;
  }
}

TEST(ActivationGrad, TakesInt8Mantissas) {
  const ActivationGradOptions options = {1, 2, 7, 1.0f};
  std::vector<int8_t> mantissas = {127, -64};
  const std::vector<int8_t> activation = {1, 0};
  const GradientScale scale = ActivationGrad(options, mantissas.data(), {1.0f, 127},
                                             activation.data(), Step().data(), mantissas.data());
  EXPECT_EQ(mantissas, (std::vector<int8_t>{127, -32}));
  EXPECT_EQ(scale.sigma, 32768.0f);
}

TEST(ActivationGrad, WritesNothingWithoutAGradient) {
  const ActivationGradOptions options = {1, 1, 15, 1.0f};
  const std::vector<int16_t> gradient = {9};
  const std::vector<int8_t> activation = {1};
  std::vector<int16_t> result = {77};
  EXPECT_EQ(ActivationGrad(options, gradient.data(), {1.0f, 0}, activation.data(), Step().data(),
                           result.data())
                .max_abs,
            0);
  EXPECT_EQ(result[0], 77);
}

}  // namespace
}  // namespace tflm_training
