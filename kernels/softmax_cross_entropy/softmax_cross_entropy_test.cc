#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr float kScale = 0.1f;

struct Result {
  float loss;
  std::vector<int16_t> gradient;
  GradientScale scale;
};

SoftmaxCrossEntropyOptions MakeOptions(size_t classes, int32_t gradient_bits) {
  SoftmaxCrossEntropyOptions options{};
  options.version = 1;
  options.classes = static_cast<int32_t>(classes);
  options.exponential_bits = 20;
  options.gradient_bits = gradient_bits;
  options.logit_scale_q16 = static_cast<int32_t>(std::lround(65536 * kScale));
  options.beta = 1.0f;
  return options;
}

Result Evaluate(const std::vector<int8_t>& logits, int32_t label, float learning_rate,
           int32_t gradient_bits = 15) {
  std::vector<int32_t> exponentials(kExponentials);
  for (int d = 0; d < kExponentials; ++d) {
    exponentials[static_cast<size_t>(d)] = static_cast<int32_t>(
        std::lround(std::ldexp(std::exp(-kScale * static_cast<float>(d)), 20)));
  }
  Result result{0.0f, std::vector<int16_t>(logits.size(), 77), {}};
  result.loss = SoftmaxCrossEntropy(MakeOptions(logits.size(), gradient_bits), logits.data(),
                                    label, learning_rate, exponentials.data(),
                                    result.gradient.data(), &result.scale);
  return result;
}

TEST(SoftmaxCrossEntropy, AgreesWithTheFormulaInFloatingPoint) {
  const std::vector<int8_t> logits = {10, -5, 30, 28, 0};
  const int label = 3;
  double sum = 0.0;
  for (int8_t q : logits) sum += std::exp(0.1 * q);
  const Result result = Evaluate(logits, label, 0.01f);
  EXPECT_NEAR(result.loss, std::log(sum) - 2.8, 1e-4);
  ASSERT_EQ(result.scale.max_abs, 32767);
  for (size_t i = 0; i < logits.size(); ++i) {
    const double expected = std::exp(0.1 * logits[i]) / sum - (i == label ? 1.0 : 0.0);
    EXPECT_NEAR(result.gradient[i] * result.scale.sigma, expected, 5e-5) << i;
  }
}

TEST(SoftmaxCrossEntropy, LargestMantissaFillsTheBits) {
  for (int bits : {1, 7, 12, 15}) {
    const Result result = Evaluate({0, 0, 0, 0}, 1, 0.01f, bits);
    EXPECT_EQ(result.gradient[1], -((1 << bits) - 1));
    EXPECT_EQ(result.scale.max_abs, (1 << bits) - 1);
  }
}

TEST(SoftmaxCrossEntropy, LabelOutsideTheClassesAsksForInference) {
  for (int32_t label : {-1, 3, std::numeric_limits<int32_t>::min()}) {
    const Result result = Evaluate({1, 2, 3}, label, 0.01f);
    EXPECT_EQ(result.loss, 0.0f);
    EXPECT_EQ(result.scale.max_abs, 0);
    EXPECT_EQ(result.gradient, std::vector<int16_t>(3, 77));
  }
}

TEST(SoftmaxCrossEntropy, LearningRateThatIsNoneGivesALossWithoutGradient) {
  const float loss = Evaluate({1, 2, 3}, 0, 0.01f).loss;
  EXPECT_GT(loss, 1.0f);
  for (float rate : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::quiet_NaN()}) {
    const Result result = Evaluate({1, 2, 3}, 0, rate);
    EXPECT_EQ(result.loss, loss);
    EXPECT_EQ(result.scale.max_abs, 0);
    EXPECT_EQ(result.gradient, std::vector<int16_t>(3, 77));
  }
}

TEST(SoftmaxCrossEntropy, OneClassHasNeitherLossNorGradient) {
  const Result result = Evaluate({-128}, 0, 0.01f);
  EXPECT_EQ(result.loss, 0.0f);
  EXPECT_EQ(result.scale.max_abs, 0);
}

TEST(SoftmaxCrossEntropy, FarthestLogitsLoseTheFullDistance) {
  const Result result = Evaluate({127, -128}, 1, 0.01f);
  EXPECT_NEAR(result.loss, 255 * 6554 / 65536.0f, 1e-5f);
  EXPECT_EQ(result.gradient[0], 32767);
  EXPECT_EQ(result.gradient[1], -32767);
}

}  // namespace
}  // namespace tflm_training
