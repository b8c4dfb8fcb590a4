#include "kernels/sigmoid_cross_entropy/sigmoid_cross_entropy.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

struct Result {
  float loss;
  int16_t gradient;
  GradientScale scale;
};

// The logit's scale is 0.1, its zero point 0.
Result Evaluate(int8_t logit, int32_t label, float learning_rate, int32_t gradient_bits = 15) {
  std::vector<int32_t> probabilities(kProbabilities);
  for (int i = 0; i < kProbabilities; ++i) {
    probabilities[static_cast<size_t>(i)] = static_cast<int32_t>(
        std::lround(std::ldexp(1.0 / (1.0 + std::exp(-0.1 * (i - 128))), kProbabilityBits)));
  }
  Result result{0.0f, 77, {}};
  result.loss = SigmoidCrossEntropy({1, gradient_bits}, logit, label, learning_rate,
                                    probabilities.data(), &result.gradient, &result.scale);
  return result;
}

TEST(SigmoidCrossEntropy, AgreesWithTheFormulaInFloatingPoint) {
  for (int q = -128; q <= 127; ++q) {
    const double p = 1.0 / (1.0 + std::exp(-0.1 * q));
    for (int label : {0, 1}) {
      const Result result = Evaluate(static_cast<int8_t>(q), label, 0.01f);
      EXPECT_NEAR(result.loss, -std::log(label == 1 ? p : 1.0 - p), 2e-4) << q;
      EXPECT_NEAR(result.gradient * result.scale.sigma, p - label, 1e-6) << q;
    }
  }
}

TEST(SigmoidCrossEntropy, OneMantissaFillsTheBits) {
  EXPECT_EQ(Evaluate(0, 1, 0.01f, 7).gradient, -127);
  EXPECT_EQ(Evaluate(0, 0, 0.01f, 7).gradient, 127);
  EXPECT_EQ(Evaluate(0, 0, 0.01f, 7).scale.max_abs, 127);
}

TEST(SigmoidCrossEntropy, OtherLabelsAskForInference) {
  for (int32_t label : {-1, 2, std::numeric_limits<int32_t>::max()}) {
    const Result result = Evaluate(5, label, 0.01f);
    EXPECT_EQ(result.loss, 0.0f);
    EXPECT_EQ(result.scale.max_abs, 0);
    EXPECT_EQ(result.gradient, 77);
  }
}

TEST(SigmoidCrossEntropy, LearningRateThatIsNoneGivesALossWithoutGradient) {
  for (float rate : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::quiet_NaN()}) {
    const Result result = Evaluate(0, 1, rate);
    EXPECT_NEAR(result.loss, std::log(2.0f), 1e-4f);
    EXPECT_EQ(result.scale.max_abs, 0);
  }
}

TEST(SigmoidCrossEntropy, CertainAndRightHasNoGradient) {
  std::vector<int32_t> probabilities(kProbabilities, int32_t{1} << kProbabilityBits);
  int16_t gradient = 77;
  GradientScale scale;
  EXPECT_EQ(SigmoidCrossEntropy({1, 15}, 3, 1, 0.01f, probabilities.data(), &gradient, &scale),
            0.0f);
  EXPECT_EQ(scale.max_abs, 0);
  EXPECT_EQ(gradient, 77);
}

}  // namespace
}  // namespace tflm_training
