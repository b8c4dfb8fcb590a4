// Gradient accumulation through a session: what counts as a sample, and where it goes on.

#include <algorithm>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"
#include "tests/session/session_model.h"
#include "tflm_training/training_session.h"

namespace tflm_training {
namespace {

constexpr int kSamplesPerUpdate = 4;
constexpr size_t kWeightBytes = kClasses * kFeatures + 4 * kClasses;

ModelTraits Accumulating() {
  ModelTraits traits;
  traits.samples = kSamplesPerUpdate;
  return traits;
}

class AccumulationTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(device_.session.Init(), kTfLiteOk); }

  // Filter and bias, the first of the variables.
  static std::vector<uint8_t> Weights(Device& device) {
    std::vector<uint8_t> variables = device.Variables();
    variables.resize(kWeightBytes);
    return variables;
  }

  // The last variable.
  static int32_t Count(Device& device) {
    const std::vector<uint8_t> variables = device.Variables();
    int32_t count;
    memcpy(&count, variables.data() + variables.size() - sizeof(count), sizeof(count));
    return count;
  }

  Device device_{Accumulating()};
};

TEST_F(AccumulationTest, WeightsMoveAtEveryNthSample) {
  for (int round = 0; round < 3; ++round) {
    const std::vector<uint8_t> before = Weights(device_);
    device_.Train(kSamplesPerUpdate - 1);
    EXPECT_EQ(Weights(device_), before);
    EXPECT_EQ(Count(device_), kSamplesPerUpdate - 1);
    device_.Train(1);
    EXPECT_NE(Weights(device_), before);
    EXPECT_EQ(Count(device_), 0);
  }
  EXPECT_EQ(device_.session.steps(), 3u * kSamplesPerUpdate);
}

TEST_F(AccumulationTest, Learns) {
  const float before = device_.Train(3, 0.0f);
  EXPECT_LT(device_.Train(300, 0.05f), 0.3f * before);
}

TEST_F(AccumulationTest, WhatIsRefusedDoesNotCount) {
  device_.Train(2);
  const std::vector<uint8_t> before = device_.Variables();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(device_.session.Train(kSamples[0], kClasses, 0.02f, nullptr), kTfLiteError);
    EXPECT_EQ(device_.session.Train(kSamples[0], -1, 0.02f, nullptr), kTfLiteError);
    EXPECT_EQ(device_.session.Train(kSamples[0], 0, nan, nullptr), kTfLiteError);
    EXPECT_EQ(device_.session.Train(nullptr, 0, 0.02f, nullptr), kTfLiteError);
    EXPECT_EQ(device_.session.Train(kSamples[0], 0, 0.0f, nullptr), kTfLiteOk);
    EXPECT_NE(device_.session.Infer(kSamples[0]), nullptr);
  }
  EXPECT_EQ(device_.Variables(), before);
  EXPECT_EQ(Count(device_), 2);
}

TEST_F(AccumulationTest, ABadLossTakesTheCountBackToo) {
  device_.Train(2);
  VectorWriter good;
  ASSERT_EQ(device_.session.Save(good), kTfLiteOk);
  const std::vector<uint8_t> before = device_.Variables();
  MemoryCheckpoint checkpoint(good.content.data(), good.content.size());
  device_.session.SetRollback(&checkpoint);
  device_.session.SetLargestLoss(1e-6f);
  EXPECT_EQ(device_.session.Train(kSamples[2], 2, 0.02f, nullptr), kTfLiteError);
  EXPECT_TRUE(device_.session.rolled_back());
  EXPECT_EQ(device_.Variables(), before);
  EXPECT_EQ(Count(device_), 2);
}

TEST_F(AccumulationTest, GoesOnFromTheMiddleBitForBit) {
  device_.Train(9);  // two updates and one sample
  VectorWriter saved;
  ASSERT_EQ(device_.session.Save(saved), kTfLiteOk);
  Device other(Accumulating());
  ASSERT_EQ(other.session.Init(), kTfLiteOk);
  MemoryCheckpoint checkpoint(saved.content.data(), saved.content.size());
  ASSERT_EQ(other.session.Restore(checkpoint), kTfLiteOk);
  EXPECT_EQ(Count(other), 1);
  for (int i = 0; i < 5; ++i) {
    device_.Train(1);
    other.Train(1);
    EXPECT_EQ(device_.Variables(), other.Variables());
  }
  // Without what was pending it would be another training.
  Device late(Accumulating());
  ASSERT_EQ(late.session.Init(), kTfLiteOk);
  late.Train(5);
  EXPECT_NE(Weights(late), Weights(other));
}

TEST_F(AccumulationTest, ResetForgetsWhatIsPending) {
  const std::vector<uint8_t> before = device_.Variables();
  device_.Train(3);
  EXPECT_NE(device_.Variables(), before);
  ASSERT_EQ(device_.session.Reset(), kTfLiteOk);
  EXPECT_EQ(device_.Variables(), before);
}

TEST_F(AccumulationTest, ARegressorCountsByItsLearningRate) {
  ModelTraits traits = Accumulating();
  traits.regressor = true;
  Device device(traits);
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const int8_t target[kClasses] = {20, -30, 40};
  for (int i = 1; i <= kSamplesPerUpdate; ++i) {
    ASSERT_NE(device.session.Infer(kSamples[0]), nullptr);
    ASSERT_EQ(device.session.TrainTarget(kSamples[0], target, 0.02f, nullptr), kTfLiteOk);
    EXPECT_EQ(Count(device), i % kSamplesPerUpdate);
  }
}

TEST_F(AccumulationTest, WeightBytesHoldWhatIsPending) {
  const size_t pending = 2 * kClasses * kFeatures + 4 * kClasses + 4;
  EXPECT_EQ(device_.session.weight_bytes(), kWeightBytes + pending);
}

}  // namespace
}  // namespace tflm_training
