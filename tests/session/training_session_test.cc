// TrainingSession: what it checks, what it changes and what it leaves alone.

#include "tflm_training/training_session.h"

#include <algorithm>
#include <cfloat>
#include <limits>

#include "gtest/gtest.h"
#include "tests/session/session_model.h"

namespace tflm_training {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TrainingError InitError(const ModelTraits& traits) {
  Device device(traits);
  EXPECT_EQ(device.session.Init(), kTfLiteError);
  float loss;
  EXPECT_EQ(device.session.Train(kSamples[0], 0, 0.1f, &loss), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kState);
  EXPECT_EQ(device.session.Infer(kSamples[0]), nullptr);
  EXPECT_EQ(device.session.Reset(), kTfLiteError);
  device.session.Init();
  return device.session.error();
}

ModelTraits Regressor() {
  ModelTraits traits;
  traits.regressor = true;
  return traits;
}

TEST(TrainingSessionTest, DescribesTheModel) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  EXPECT_EQ(device.session.classes(), kClasses);
  EXPECT_EQ(device.session.sample_bytes(), size_t{kFeatures});
  EXPECT_EQ(device.session.target_bytes(), 0u);
  EXPECT_EQ(device.session.weight_bytes(), size_t{kClasses * kFeatures + 4 * kClasses});
  EXPECT_EQ(device.session.steps(), 0u);
  for (size_t i = 0; i < kModelIdBytes; ++i) EXPECT_EQ(device.session.model_id()[i], 1);
}

TEST(TrainingSessionTest, InitBringsTheShippedWeights) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const std::vector<uint8_t> variables = device.Variables();
  for (size_t i = 0; i < kClasses * kFeatures; ++i) EXPECT_EQ(variables[i], 1);
}

TEST(TrainingSessionTest, RefusesOtherModels) {
  ModelTraits without_id;
  without_id.id_bytes = 0;
  EXPECT_EQ(InitError(without_id), TrainingError::kModel);
  ModelTraits short_id;
  short_id.id_bytes = 15;
  EXPECT_EQ(InitError(short_id), TrainingError::kModel);
  ModelTraits integer_rate;
  integer_rate.has_rate = false;
  EXPECT_EQ(InitError(integer_rate), TrainingError::kModel);
}

TEST(TrainingSessionTest, RefusesAnInterpreterOfAnotherModel) {
  Device device;
  Device other;
  TrainingSession session(other.model(), device.interpreter);
  EXPECT_EQ(session.Init(), kTfLiteError);
  EXPECT_EQ(session.error(), TrainingError::kModel);
  TrainingSession none(nullptr, device.interpreter);
  EXPECT_EQ(none.Init(), kTfLiteError);
}

TEST(TrainingSessionTest, TrainsAndInfers) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const float before = device.Train(3, 0.0f);
  const float after = device.Train(150);
  EXPECT_LT(after, 0.3f * before);
  EXPECT_EQ(device.session.steps(), 150u);
  for (int c = 0; c < kClasses; ++c) {
    const TfLiteTensor* output = device.session.Infer(kSamples[c]);
    ASSERT_NE(output, nullptr);
    for (int i = 0; i < kClasses; ++i) {
      EXPECT_TRUE(i == c || output->data.int8[c] > output->data.int8[i]);
    }
  }
  EXPECT_EQ(device.session.steps(), 150u);
}

TEST(TrainingSessionTest, TakesASampleThatLiesInTheInputAlready) {
  Device device, twin;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  ASSERT_EQ(twin.session.Init(), kTfLiteOk);
  int8_t* input = device.interpreter.input(0)->data.int8;
  std::copy_n(kSamples[1], kFeatures, input);
  float loss, twin_loss;
  ASSERT_EQ(device.session.Train(input, 1, 0.02f, &loss), kTfLiteOk);
  ASSERT_EQ(twin.session.Train(kSamples[1], 1, 0.02f, &twin_loss), kTfLiteOk);
  EXPECT_EQ(loss, twin_loss);
  EXPECT_EQ(device.Variables(), twin.Variables());
}

TEST(TrainingSessionTest, InferenceAndZeroLearningRateChangeNothing) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const std::vector<uint8_t> before = device.Variables();
  device.session.Infer(kSamples[0]);
  EXPECT_EQ(device.session.Train(kSamples[0], 0, 0.0f, nullptr), kTfLiteOk);
  EXPECT_EQ(device.Variables(), before);
}

TEST(TrainingSessionTest, ResetReturnsToTheShippedWeights) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const std::vector<uint8_t> before = device.Variables();
  device.Train(20);
  EXPECT_NE(device.Variables(), before);
  ASSERT_EQ(device.session.Reset(), kTfLiteOk);
  EXPECT_EQ(device.Variables(), before);
  EXPECT_EQ(device.session.steps(), 0u);
}

TEST(TrainingSessionTest, RefusesBadArgumentsAndChangesNoWeight) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  const std::vector<uint8_t> before = device.Variables();
  const auto error = [&device](const void* sample, int32_t label, float rate) {
    float loss = -1.0f;
    EXPECT_EQ(device.session.Train(sample, label, rate, &loss), kTfLiteError);
    EXPECT_EQ(loss, -1.0f);
    return device.session.error();
  };
  for (const float rate : {kNan, kInfinity, -kInfinity, -0.01f, 1000.1f, FLT_MAX}) {
    EXPECT_EQ(error(kSamples[0], 0, rate), TrainingError::kLearningRate) << rate;
  }
  for (const int32_t label : {-1, kClasses, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(error(kSamples[0], label, 0.02f), TrainingError::kLabel) << label;
  }
  EXPECT_EQ(error(nullptr, 0, 0.02f), TrainingError::kArgument);
  const int8_t target[kClasses] = {};
  EXPECT_EQ(device.session.TrainTarget(kSamples[0], target, 0.02f, nullptr), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kArgument);
  EXPECT_EQ(device.session.Infer(nullptr), nullptr);
  EXPECT_EQ(device.Variables(), before);
  EXPECT_EQ(device.session.steps(), 0u);
  EXPECT_EQ(device.session.Train(kSamples[0], 0, 0.02f, nullptr), kTfLiteOk);
  EXPECT_EQ(device.session.error(), TrainingError::kNone);
}

TEST(TrainingSessionTest, ATooLargeLossIsReported) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  device.session.SetLargestLoss(0.01f);
  float loss = 0.0f;
  EXPECT_EQ(device.session.Train(kSamples[0], 0, 0.02f, &loss), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kLoss);
  EXPECT_FALSE(device.session.rolled_back());
  EXPECT_GT(loss, 0.01f);
}

TEST(TrainingSessionTest, ATooLargeLossRollsBack) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  device.Train(7);
  VectorWriter good;
  ASSERT_EQ(device.session.Save(good), kTfLiteOk);
  const std::vector<uint8_t> before = device.Variables();
  MemoryCheckpoint checkpoint(good.content.data(), good.content.size());
  device.session.SetRollback(&checkpoint);
  device.Train(5);
  EXPECT_NE(device.Variables(), before);
  device.session.SetLargestLoss(1e-6f);
  EXPECT_EQ(device.session.Train(kSamples[2], 2, 0.02f, nullptr), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kLoss);
  EXPECT_TRUE(device.session.rolled_back());
  EXPECT_EQ(device.Variables(), before);
  EXPECT_EQ(device.session.steps(), 7u);
}

TEST(TrainingSessionTest, AnUnusableRollbackIsNotClaimed) {
  Device device;
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  MemoryCheckpoint nothing(nullptr, 0);
  device.session.SetRollback(&nothing);
  device.session.SetLargestLoss(1e-6f);
  EXPECT_EQ(device.session.Train(kSamples[2], 2, 0.02f, nullptr), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kLoss);
  EXPECT_FALSE(device.session.rolled_back());
}

TEST(TrainingSessionTest, ARegressorTakesTargets) {
  Device device(Regressor());
  ASSERT_EQ(device.session.Init(), kTfLiteOk);
  EXPECT_EQ(device.session.classes(), 0);
  ASSERT_EQ(device.session.target_bytes(), size_t{kClasses});
  const int8_t target[kClasses] = {20, -30, 40};
  float first, loss;
  ASSERT_EQ(device.session.TrainTarget(kSamples[0], target, 0.02f, &first), kTfLiteOk);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(device.session.TrainTarget(kSamples[0], target, 0.02f, &loss), kTfLiteOk);
  }
  EXPECT_LT(loss, 0.1f * first);
  const std::vector<uint8_t> before = device.Variables();
  ASSERT_NE(device.session.Infer(kSamples[0]), nullptr);
  EXPECT_EQ(device.session.Train(kSamples[0], 0, 0.02f, &loss), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kArgument);
  EXPECT_EQ(device.session.TrainTarget(kSamples[0], nullptr, 0.02f, &loss), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kArgument);
  EXPECT_EQ(device.session.TrainTarget(kSamples[0], target, kNan, &loss), kTfLiteError);
  EXPECT_EQ(device.session.error(), TrainingError::kLearningRate);
  EXPECT_EQ(device.Variables(), before);
}

}  // namespace
}  // namespace tflm_training
