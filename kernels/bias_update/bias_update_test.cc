#include "kernels/bias_update/bias_update.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

TEST(BiasUpdate, SumsOverPositionsAndRoundsToNearest) {
  const BiasUpdateOptions options = {1, 2, 3, 1000, 10000};
  const std::vector<int16_t> gradient = {1, -5, 100, 2, 0, 0};
  const std::vector<float> update_scale = {1.0f, 2.0f, 0.5f};
  std::vector<int32_t> bias = {0, 0, 0};
  BiasUpdate(options, gradient.data(), {0.5f, 100}, 1.0f, update_scale.data(), true,
             bias.data());
  // [1.5, -5, 25], half up.
  EXPECT_EQ(bias, (std::vector<int32_t>{-2, 5, -25}));
}

TEST(BiasUpdate, ClampsTheStepAndTheBias) {
  const BiasUpdateOptions options = {1, 1, 3, 127, 1000};
  const std::vector<int16_t> gradient = {1000, -1000, 1};
  const float update_scale = 1.0f;
  std::vector<int32_t> bias = {0, 950, INT32_MIN};
  BiasUpdate(options, gradient.data(), {1.0f, 1000}, 1.0f, &update_scale, false, bias.data());
  EXPECT_EQ(bias, (std::vector<int32_t>{-127, 1000, -1000}));
}

TEST(BiasUpdate, FactorsThatAreNoneFreeze) {
  const BiasUpdateOptions options = {1, 1, 4, 127, 1000};
  const std::vector<int16_t> gradient = {1, 1, 1, 1};
  const std::vector<float> update_scale = {0.0f, NAN, -1.0f, 1e-44f};
  std::vector<int32_t> bias = {1, 2, 3, 4};
  BiasUpdate(options, gradient.data(), {1.0f, 1}, 1.0f, update_scale.data(), true, bias.data());
  EXPECT_EQ(bias, (std::vector<int32_t>{1, 2, 3, 4}));
}

TEST(BiasUpdate, InfinityIsAFullStep) {
  const BiasUpdateOptions options = {1, 1, 3, 127, 1000};
  const std::vector<int16_t> gradient = {1, -1, 0};
  const float update_scale = INFINITY;
  std::vector<int32_t> bias = {0, 0, 0};
  BiasUpdate(options, gradient.data(), {1.0f, 1}, 1.0f, &update_scale, false, bias.data());
  EXPECT_EQ(bias, (std::vector<int32_t>{-127, 127, 0}));
}

}  // namespace
}  // namespace tflm_training
