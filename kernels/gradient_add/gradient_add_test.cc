#include "kernels/gradient_add/gradient_add.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr ActivationMask kNoMask = {nullptr, 0, 0};

struct Result {
  std::vector<int16_t> mantissas;
  GradientScale scale;
};

Result Add(const std::vector<int16_t>& a, GradientScale scale_a, const std::vector<int16_t>& b,
           GradientScale scale_b, int32_t bits = 15, ActivationMask mask = kNoMask) {
  const GradientAddOptions options = {1, static_cast<int32_t>(a.size()), bits, mask.low, mask.high};
  Result result{std::vector<int16_t>(a.size(), 77), {}};
  result.scale = GradientAdd(options, {a.data(), scale_a}, {b.data(), scale_b}, mask,
                             result.mantissas.data());
  return result;
}

TEST(GradientAdd, EqualScalesAddMantissas) {
  const Result result = Add({16384, -8192}, {1.0f, 16384}, {16383, 8192}, {1.0f, 16383});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{32767, 0}));
  EXPECT_EQ(result.scale.sigma, 1.0f);
  EXPECT_EQ(result.scale.max_abs, 32767);
}

TEST(GradientAdd, FractionsAreKeptWhereTheyFit) {
  // 1 + 0.25 in units of 1/32768 * 2^1: bits(40960) = 16.
  const Result result = Add({1}, {1.0f, 1}, {1}, {0.25f, 1});
  EXPECT_EQ(result.mantissas[0], 20480);
  EXPECT_FLOAT_EQ(20480 * result.scale.sigma, 1.25f);
}

TEST(GradientAdd, AgreesWithTheRealSumAtAnyRatio) {
  for (float ratio : {1e-12f, 1e-6f, 1e-3f, 0.7f, 1.3f, 1e3f, 1e6f, 1e12f}) {
    const std::vector<int16_t> a = {32767, -12345, 1, 0};
    const std::vector<int16_t> b = {-32767, 23456, -1, 3};
    const Result result = Add(a, {0.5f, 32767}, b, {0.5f * ratio, 32767});
    const double tolerance = 0.5 * std::fmax(1.0f, ratio) * 2.0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double expected = 0.5 * a[i] + 0.5 * static_cast<double>(ratio) * b[i];
      EXPECT_NEAR(result.mantissas[i] * static_cast<double>(result.scale.sigma), expected,
                  tolerance)
          << ratio;
    }
  }
}

TEST(GradientAdd, ExtremesSaturateNever) {
  const Result result = Add({32767, -32767}, {1.0f, 32767}, {32767, -32767}, {1.0f, 32767});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{32767, -32767}));
  EXPECT_EQ(result.scale.sigma, 2.0f);
}

TEST(GradientAdd, OneAbsentGradientCopiesTheOther) {
  const std::vector<int16_t> present = {32767, -5};
  const Result a = Add(present, {0.5f, 32767}, {99, 99}, {0.0f, 0});
  const Result b = Add({99, 99}, {0.0f, 0}, present, {0.5f, 32767});
  for (const Result& result : {a, b}) {
    EXPECT_EQ(result.mantissas, present);
    EXPECT_EQ(result.scale.sigma, 0.5f);
    EXPECT_EQ(result.scale.max_abs, 32767);
  }
}

TEST(GradientAdd, ACopyKeepsToTheBitsToo) {
  const Result result = Add({32767, -5}, {0.5f, 32767}, {99, 99}, {0.0f, 0}, 12);
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{4095, -1}));
  EXPECT_EQ(result.scale.sigma, 4.0f);
}

TEST(GradientAdd, WritesNothingWithoutBoth) {
  const Result result = Add({1, 2}, {0.0f, 0}, {3, 4}, {0.0f, 0});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{77, 77}));
  EXPECT_EQ(result.scale.max_abs, 0);
}

TEST(GradientAdd, MaskHidesAndLeavesTheMaximum) {
  const std::vector<int8_t> saved = {-128, 3};
  const Result result =
      Add({900, 5}, {1.0f, 900}, {0, 0}, {0.0f, 0}, 15, {saved.data(), -128, 127});
  EXPECT_EQ(result.mantissas, (std::vector<int16_t>{0, 5}));
  EXPECT_EQ(result.scale.max_abs, 5);
}

TEST(GradientAdd, ScalesThatAreNoNumbersAreDefined) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (float sigma : {nan, infinity, 0.0f, -1.0f}) {
    const Result result = Add({100}, {sigma, 100}, {100}, {sigma, 100});
    EXPECT_LE(result.scale.max_abs, 32767);
  }
}

}  // namespace
}  // namespace tflm_training
