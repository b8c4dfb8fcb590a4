#include "kernels/gradient_mul/gradient_mul.h"

#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr ActivationMask kNoMask = {nullptr, 0, 0};

struct Result {
  std::vector<int16_t> mantissas;
  GradientScale scale;
};

Result Multiply(const GradientMulOptions& options, const std::vector<int16_t>& gradient,
                GradientScale scale, const std::vector<int8_t>& other, size_t elements,
                ActivationMask mask = kNoMask) {
  Result result{std::vector<int16_t>(elements, 77), {}};
  result.scale = GradientMul(options, gradient.data(), scale,
                             other.empty() ? nullptr : other.data(), mask, result.mantissas.data());
  return result;
}

TEST(GradientMul, ElementByElement) {
  const GradientMulOptions options = {1,  {1, 1, 1, 3}, {}, {}, -28, 15, -129, 128, 0.25f};
  const Result result = Multiply(options, {100, -50, 3}, {1.0f, 100}, {-28, 72, -128}, 3);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{0, -5000, -300}));
  EXPECT_EQ(result.scale.sigma, 0.25f);
  EXPECT_EQ(result.scale.max_abs, 5000);
}

TEST(GradientMul, LargeProductsAreShifted) {
  const GradientMulOptions options = {1, {1, 1, 1, 2}, {}, {}, -128, 15, -129, 128, 1.0f};
  const Result result = Multiply(options, {32767, -32767}, {1.0f, 32767}, {127, 0}, 2);
  // bits(32767 * 255) - 15 = 8; 255 / 256 and 128 / 256 of the mantissa
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{32639, -16383}));
  EXPECT_EQ(result.scale.sigma, 256.0f);
}

TEST(GradientMul, AGateIsUsedAtEveryPosition) {
  const GradientMulOptions options = {1, {1, 1, 2, 2}, {}, {0, 0, 1, 0}, 0, 15, -129, 128, 1.0f};
  const Result result = Multiply(options, {1, 2, 3, 4}, {1.0f, 4}, {10, -20}, 4);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{10, -40, 30, -80}));
}

TEST(GradientMul, TheGradientOfAGateIsASum) {
  const GradientMulOptions options = {1, {1, 1, 3, 2}, {0, 0, 1, 0}, {}, 1, 15, -129, 128, 1.0f};
  const Result result =
      Multiply(options, {1, 2, 3, 4, 5, 6}, {1.0f, 6}, {2, 2, 2, 2, 2, -99}, 2);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{9, 2 + 4 - 600}));
  EXPECT_EQ(result.scale.max_abs, 594);
}

TEST(GradientMul, SumsAreShiftedByTheirLargest) {
  const GradientMulOptions options = {1, {1, 1, 4, 1}, {0, 0, 1, 0}, {0, 0, 1, 0},
                                      0, 7, -129, 128, 1.0f};
  // The sum is 4 * 32767 less 3 * 32767, of a bound that is far larger.
  const Result result = Multiply(options, {32767, 32767, -32767, -32766}, {1.0f, 32767}, {1}, 1);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{1}));
  EXPECT_EQ(result.scale.sigma, 1.0f);
}

TEST(GradientMul, WithoutOtherTheFactorIsASign) {
  const GradientMulOptions negative = {1, {1, 1, 1, 2}, {}, {}, 1, 15, -129, 128, 1.0f};
  EXPECT_EQ(Multiply(negative, {32767, -5}, {0.5f, 32767}, {}, 2).mantissas,
            (std::vector<int16_t>{-32767, 5}));
  const GradientMulOptions total = {1, {1, 1, 2, 3}, {0, 0, 0, 1}, {}, -1, 15, -129, 128, 1.0f};
  EXPECT_EQ(Multiply(total, {1, 2, 3, 4, 5, 6}, {1.0f, 6}, {}, 2).mantissas,
            (std::vector<int16_t>{6, 15}));
}

TEST(GradientMul, RowsMayBeLongerThanABlock) {
  const int32_t channels = 150;
  const GradientMulOptions options = {1, {1, 1, 2, channels}, {0, 0, 1, 0}, {0, 0, 0, 1},
                                      0, 15, -129, 128, 1.0f};
  std::vector<int16_t> gradient;
  for (int16_t i = 0; i < 2 * channels; ++i) gradient.push_back(i);
  const Result result = Multiply(options, gradient, {1.0f, 299}, {3, 5}, channels);
  for (int16_t c = 0; c < channels; ++c) {
    EXPECT_EQ(result.mantissas[static_cast<size_t>(c)], 3 * c + 5 * (c + channels));
  }
}

TEST(GradientMul, MaskHidesAndLeavesTheMaximum) {
  const GradientMulOptions options = {1, {1, 1, 1, 2}, {}, {0, 0, 0, 1}, 0, 15, -128, 127, 1.0f};
  const std::vector<int8_t> saved = {-128, 3};
  const Result result =
      Multiply(options, {90, 5}, {1.0f, 90}, {2}, 2, {saved.data(), -128, 127});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{0, 10}));
  EXPECT_EQ(result.scale.max_abs, 10);
}

TEST(GradientMul, WorksInPlaceWithInt8Mantissas) {
  const GradientMulOptions options = {1, {1, 1, 1, 100}, {}, {}, -128, 7, -129, 128, 1.0f};
  std::vector<int8_t> mantissas(100, -127);
  const std::vector<int8_t> other(100, 127);
  const GradientScale scale = GradientMul(options, mantissas.data(), {1.0f, 127}, other.data(),
                                          kNoMask, mantissas.data());
  // bits(127 * 255) - 7 = 8
  EXPECT_EQ(mantissas, std::vector<int8_t>(100, -127));
  EXPECT_EQ(scale.sigma, 256.0f);
}

TEST(GradientMul, WritesNothingWithoutAGradient) {
  const GradientMulOptions options = {1, {1, 1, 1, 2}, {}, {}, 0, 15, -129, 128, 1.0f};
  const Result result = Multiply(options, {1, 2}, {0.0f, 0}, {3, 4}, 2);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{77, 77}));
  EXPECT_EQ(result.scale.max_abs, 0);
}

}  // namespace
}  // namespace tflm_training
