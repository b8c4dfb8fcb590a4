#include "kernels/bias_update/bias_update.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

TEST(BiasUpdate, SumsOverPositions) {
  const BiasUpdateOptions options = {2, 2, 3, 127, 10000};
  const std::vector<int16_t> gradient = {1, -5, 100, 2, 0, 0};
  const std::vector<float> update_scale = {1.0f, 2.0f, 0.5f};
  Random random(1);
  std::vector<int32_t> bias = {0, 0, 0};
  BiasUpdate(options, gradient.data(), {1.0f, 100}, 1.0f, update_scale.data(), true,
             bias.data(), &random);
  // [3, -10, 50] exactly, whatever is drawn.
  EXPECT_EQ(bias, (std::vector<int32_t>{-3, 10, -50}));
}

TEST(BiasUpdate, SmallStepsAreTakenInTheMean) {
  const BiasUpdateOptions options = {2, 1, 1, 127, 10000};
  const int16_t gradient = 10000;
  const float update_scale = 1.0f;
  int32_t bias = 0;
  Random random(1);
  for (int step = 0; step < 4000; ++step) {
    BiasUpdate(options, &gradient, {1e-5f, 10000}, 1.0f, &update_scale, false, &bias, &random);
  }
  // The mean is -400, the standard deviation 19.
  EXPECT_NEAR(bias, -400, 80);
}

TEST(BiasUpdate, ClampsTheStepAndTheBias) {
  const BiasUpdateOptions options = {2, 1, 3, 127, 1000};
  const std::vector<int16_t> gradient = {1000, -1000, 1};
  const float update_scale = 1.0f;
  Random random(1);
  std::vector<int32_t> bias = {0, 950, INT32_MIN};
  BiasUpdate(options, gradient.data(), {1.0f, 1000}, 1.0f, &update_scale, false, bias.data(), &random);
  EXPECT_EQ(bias, (std::vector<int32_t>{-127, 1000, -1000}));
}

TEST(BiasUpdate, FactorsThatAreNoneFreeze) {
  const BiasUpdateOptions options = {2, 1, 4, 127, 1000};
  const std::vector<int16_t> gradient = {2, 1, 1, 1};
  const std::vector<float> update_scale = {0.0f, NAN, -1.0f, 1e-44f};
  Random random(1);
  std::vector<int32_t> bias = {1, 2, 3, 4};
  BiasUpdate(options, gradient.data(), {1.0f, 1}, 1.0f, update_scale.data(), true, bias.data(), &random);
  EXPECT_EQ(bias, (std::vector<int32_t>{1, 2, 3, 4}));
}

TEST(BiasUpdate, InfinityIsAFullStep) {
  const BiasUpdateOptions options = {2, 1, 3, 127, 1000};
  const std::vector<int16_t> gradient = {1, -1, 0};
  const float update_scale = INFINITY;
  Random random(1);
  std::vector<int32_t> bias = {0, 0, 0};
  BiasUpdate(options, gradient.data(), {1.0f, 1}, 1.0f, &update_scale, false, bias.data(), &random);
  EXPECT_EQ(bias, (std::vector<int32_t>{-127, 127, 0}));
}

}  // namespace
}  // namespace tflm_training
