#include "kernels/apply_updates/apply_updates.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr UpdateBounds kWide = {127, 127};

// A filter with its pending steps.
struct Weights {
  std::vector<int8_t> weights;
  std::vector<int8_t> values;
  std::vector<int8_t> fractions;

  void Apply(UpdateBounds bounds) {
    ApplyToWeights(bounds, static_cast<int32_t>(weights.size()),
                   {values.data(), fractions.data()}, weights.data());
  }
};

TEST(CountSample, EveryNthIsTheLast) {
  int32_t count = 0;
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(CountSample(3, &count));
    EXPECT_FALSE(CountSample(3, &count));
    EXPECT_EQ(count, 2);
    EXPECT_TRUE(CountSample(3, &count));
    EXPECT_EQ(count, 0);
  }
  EXPECT_TRUE(CountSample(1, &count));
}

TEST(CountSample, CountsOutOfRangeAreTakenForTheNearest) {
  int32_t count = INT32_MAX;
  EXPECT_TRUE(CountSample(3, &count));
  count = INT32_MIN;
  EXPECT_FALSE(CountSample(3, &count));
  EXPECT_EQ(count, 1);
}

TEST(ApplyToWeights, TheRestOfRoundingStays) {
  // 1.25, -1.25, 1.5 and -0.5.
  Weights w = {{10, 10, 10, 10}, {1, -1, 2, 0}, {64, -64, -128, -128}};
  w.Apply(kWide);
  EXPECT_EQ(w.weights, (std::vector<int8_t>{11, 9, 12, 10}));
  EXPECT_EQ(w.values, (std::vector<int8_t>{0, 0, 0, 0}));
  EXPECT_EQ(w.fractions, (std::vector<int8_t>{64, -64, -128, -128}));
}

TEST(ApplyToWeights, RestsAddUp) {
  Weights w = {{0}, {0}, {0}};
  for (int i = 0; i < 64; ++i) {
    const int sum = w.fractions[0] + 4;
    w.values[0] = static_cast<int8_t>(sum > 127);
    w.fractions[0] = static_cast<int8_t>(sum - 256 * w.values[0]);
    w.Apply(kWide);
  }
  EXPECT_EQ(w.weights[0] * 256 + w.fractions[0], 256);
}

TEST(ApplyToWeights, SaturatesAndDropsWhatIsBeyond) {
  Weights w = {{120, -120, 127, -127}, {127, -128, 0, 0}, {127, -128, 100, -100}};
  w.Apply(kWide);
  EXPECT_EQ(w.weights, (std::vector<int8_t>{127, -127, 127, -127}));
  EXPECT_EQ(w.fractions, (std::vector<int8_t>(4, 0)));
}

TEST(ApplyToWeights, ClampsTheSum) {
  Weights w = {{0, 0, 0}, {5, -5, 2}, {9, 9, 100}};
  w.Apply({2, 127});
  EXPECT_EQ(w.weights, (std::vector<int8_t>{2, -2, 2}));
  EXPECT_EQ(w.fractions, (std::vector<int8_t>(3, 0)));
}

TEST(ApplyToWeights, WhatHasNothingPendingIsLeftAlone) {
  Weights w = {{-128, 127}, {0, 0}, {0, 0}};
  w.Apply({1, 1});
  EXPECT_EQ(w.weights, (std::vector<int8_t>{-128, 127}));
}

TEST(ApplyToBiases, AddsClampsAndSaturates) {
  std::vector<int32_t> biases = {5, 990, -990, INT32_MAX, INT32_MIN, INT32_MIN};
  std::vector<int32_t> pending = {-7, 20, -20, INT32_MAX, INT32_MIN, 0};
  ApplyToBiases({15, 1000}, 6, pending.data(), biases.data());
  EXPECT_EQ(biases, (std::vector<int32_t>{-2, 1000, -1000, 1000, -1000, INT32_MIN}));
  EXPECT_EQ(pending, (std::vector<int32_t>(6, 0)));
}

}  // namespace
}  // namespace tflm_training
