// Trains a two-layer network in TFLM's own MicroInterpreter.

#include "tensorflow/lite/micro/micro_interpreter.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/bias_update/bias_update.h"
#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/initialize_variables/initialize_variables.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tests/cc/model_builder.h"
#include "tflm_training/register_training_ops.h"

namespace tflm_training {
namespace {

constexpr int kFeatures = 4;
constexpr int kHidden = 6;
constexpr int kClasses = 3;
constexpr float kInputScale = 0.02f;
constexpr float kHiddenScale = 0.04f;
constexpr float kLogitScale = 0.1f;
constexpr float kWeightScale = 0.01f;

// One cluster centre per class, quantised at kInputScale.
constexpr int8_t kInputs[kClasses][kFeatures] = {
    {100, -50, 20, -10}, {-60, 90, 30, 40}, {10, -20, -100, 80}};

template <typename T>
std::vector<T> Filled(size_t size, T (*value)(size_t)) {
  std::vector<T> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = value(i);
  return values;
}

int8_t InitialWeight(size_t i) { return static_cast<int8_t>(static_cast<int>(i * 37 % 61) - 30); }

int32_t Exponential(size_t distance) {
  return static_cast<int32_t>(
      std::lround(std::ldexp(std::exp(-kLogitScale * static_cast<float>(distance)), 24)));
}

// The network, its trained filters and biases and the tensors of one training step.
class TrainingNetwork {
 public:
  TrainingNetwork() {
    const int32_t input = builder_.AddTensor(tflite::TensorType_INT8, {1, kFeatures}, kInputScale);
    label_ = builder_.AddTensor(tflite::TensorType_INT32, {1});
    learning_rate_ = builder_.AddTensor(tflite::TensorType_FLOAT32, {1});
    const int32_t hidden =
        builder_.AddTensor(tflite::TensorType_INT8, {1, kHidden}, kHiddenScale, -128);
    const int32_t logits = builder_.AddTensor(tflite::TensorType_INT8, {1, kClasses}, kLogitScale);
    const int32_t loss = builder_.AddTensor(tflite::TensorType_FLOAT32, {1});

    const int32_t filter_1 = AddFilter({kHidden, kFeatures});
    const int32_t bias_1 = AddBias(kHidden, kInputScale);
    const int32_t filter_2 = AddFilter({kClasses, kHidden});
    const int32_t bias_2 = AddBias(kClasses, kHiddenScale);
    random_state_ = AddTrained<int32_t>(tflite::TensorType_INT32, {1}, {12345}, 1.0f);
    builder_.AddCustom("INITIALIZE_VARIABLES", trained_, {}, InitializeVariablesOptions{1});

    builder_.AddFullyConnected({input, filter_1, bias_1}, hidden,
                               tflite::ActivationFunctionType_RELU);
    builder_.AddFullyConnected({hidden, filter_2, bias_2}, logits,
                               tflite::ActivationFunctionType_NONE);

    const Gradient logits_gradient = AddGradient({1, kClasses});
    const int32_t exponentials = builder_.AddConstant<int32_t>(tflite::TensorType_INT32, {256},
                                                               Filled(256, Exponential));
    SoftmaxCrossEntropyOptions loss_options{};
    loss_options.version = 1;
    loss_options.classes = kClasses;
    loss_options.exponential_bits = 24;
    loss_options.gradient_bits = 15;
    loss_options.logit_scale_q16 = static_cast<int32_t>(65536 * kLogitScale);
    loss_options.beta = 1.0f;
    builder_.AddCustom("SOFTMAX_CROSS_ENTROPY", {logits, label_, learning_rate_, exponentials},
                       {loss, logits_gradient.mantissa, logits_gradient.scale}, loss_options);

    const Gradient hidden_gradient = AddGradient({1, kHidden});
    AddInputGrad(logits_gradient, filter_2, hidden, hidden_gradient);
    AddUpdates(hidden, kHidden, kHiddenScale, -128, logits_gradient, filter_2, bias_2, kClasses);
    AddUpdates(input, kFeatures, kInputScale, 0, hidden_gradient, filter_1, bias_1, kHidden);
    model_ = builder_.Finish({input, label_, learning_rate_}, {logits, loss});
  }

  const tflite::Model* model() const { return model_; }

 private:
  struct Gradient {
    int32_t mantissa;
    int32_t scale;
  };

  template <typename T>
  int32_t AddTrained(tflite::TensorType type, const std::vector<int32_t>& shape,
                     const std::vector<T>& initial, float scale) {
    trained_.push_back(builder_.AddConstant(type, shape, initial, scale));
    trained_.push_back(builder_.AddVariable(type, shape, scale));
    return trained_.back();
  }

  int32_t AddFilter(const std::vector<int32_t>& shape) {
    return AddTrained(tflite::TensorType_INT8, shape,
                      Filled(static_cast<size_t>(shape[0] * shape[1]), InitialWeight),
                      kWeightScale);
  }

  int32_t AddBias(int32_t outputs, float input_scale) {
    return AddTrained(tflite::TensorType_INT32, {outputs},
                      std::vector<int32_t>(static_cast<size_t>(outputs)),
                      input_scale * kWeightScale);
  }

  Gradient AddGradient(std::vector<int32_t> shape) {
    const int32_t mantissa = builder_.AddTensor(tflite::TensorType_INT16, std::move(shape));
    return {mantissa, builder_.AddTensor(tflite::TensorType_FLOAT32, {2})};
  }

  void AddInputGrad(const Gradient& gradient, int32_t filter, int32_t hidden,
                    const Gradient& result) {
    auto options = FullyConnectedGeometry<ConvInputGradOptions>(kHidden, kClasses);
    options.accumulator_bits = 15;
    options.gradient_bits = 15;
    options.weight_bound = kClasses * 127;
    options.mask_min = -128;
    options.mask_max = 128;
    options.scale_factor = kWeightScale;
    builder_.AddCustom("CONV_2D_INPUT_GRAD",
                       {gradient.mantissa, gradient.scale, filter, -1, hidden, -1},
                       {result.mantissa, result.scale}, options);
  }

  void AddUpdates(int32_t input, int32_t inputs, float input_scale, int32_t input_zero_point,
                  const Gradient& gradient, int32_t filter, int32_t bias, int32_t outputs) {
    const int32_t filter_scale = builder_.AddConstant<float>(
        tflite::TensorType_FLOAT32, {1}, {input_scale / kWeightScale});
    const int32_t bias_scale = builder_.AddConstant<float>(tflite::TensorType_FLOAT32, {1},
                                                           {1.0f / (input_scale * kWeightScale)});
    auto filter_options = FullyConnectedGeometry<ConvFilterUpdateOptions>(inputs, outputs);
    filter_options.input_zero_point = input_zero_point;
    filter_options.channels = inputs;
    filter_options.clamp = 4;
    builder_.AddCustom("CONV_2D_FILTER_UPDATE",
                       {input, gradient.mantissa, gradient.scale, filter, learning_rate_,
                        filter_scale, random_state_, -1},
                       {}, filter_options);
    BiasUpdateOptions bias_options{};
    bias_options.version = BiasUpdateOptions::kVersion;
    bias_options.positions = 1;
    bias_options.channels = outputs;
    bias_options.clamp = 127;
    bias_options.limit = 1 << 24;
    builder_.AddCustom("BIAS_UPDATE",
                       {gradient.mantissa, gradient.scale, bias, learning_rate_, bias_scale,
                        random_state_},
                       {}, bias_options);
  }

  ModelBuilder builder_;
  std::vector<int32_t> trained_;  // [initial_0, variable_0, ...]
  int32_t label_;
  int32_t learning_rate_;
  int32_t random_state_;
  const tflite::Model* model_;
};

class MicroInterpreterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(resolver_.AddFullyConnected(), kTfLiteOk);
    ASSERT_EQ(RegisterTrainingOps(resolver_), kTfLiteOk);
    ASSERT_EQ(interpreter_.AllocateTensors(), kTfLiteOk);
  }

  // One step on the given class; label -1 asks for inference. Returns the loss.
  float Step(int input_class, int label, float learning_rate) {
    std::copy_n(kInputs[input_class], kFeatures, interpreter_.input(0)->data.int8);
    interpreter_.input(1)->data.i32[0] = label;
    interpreter_.input(2)->data.f[0] = learning_rate;
    EXPECT_EQ(interpreter_.Invoke(), kTfLiteOk);
    return interpreter_.output(1)->data.f[0];
  }

  std::vector<int8_t> Logits(int input_class) {
    EXPECT_EQ(Step(input_class, -1, 0.1f), 0.0f);
    const int8_t* logits = interpreter_.output(0)->data.int8;
    return std::vector<int8_t>(logits, logits + kClasses);
  }

  float Epoch(float learning_rate) {
    float loss = 0.0f;
    for (int c = 0; c < kClasses; ++c) loss += Step(c, c, learning_rate);
    return loss;
  }

  TrainingNetwork network_;
  tflite::MicroMutableOpResolver<kTrainingOpCount + 1> resolver_;
  alignas(16) uint8_t arena_[16 * 1024];
  tflite::MicroInterpreter interpreter_{network_.model(), resolver_, arena_, sizeof(arena_)};
};

TEST_F(MicroInterpreterTest, TrainingLowersTheLossAndClassifies) {
  const float loss_before = Epoch(0.02f);
  for (int epoch = 0; epoch < 60; ++epoch) Epoch(0.02f);
  EXPECT_LT(Epoch(0.02f), 0.3f * loss_before);
  for (int c = 0; c < kClasses; ++c) {
    const std::vector<int8_t> logits = Logits(c);
    EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), c);
  }
}

TEST_F(MicroInterpreterTest, InferenceAndZeroLearningRateChangeNothing) {
  const std::vector<int8_t> before = Logits(0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Logits(0), before);
  const float loss = Epoch(0.0f);
  EXPECT_GT(loss, 0.0f);
  EXPECT_EQ(Epoch(0.0f), loss);
  EXPECT_EQ(Logits(0), before);
}

TEST_F(MicroInterpreterTest, ResetReturnsToTheInitialWeights) {
  const std::vector<int8_t> before = Logits(1);
  const float first_loss = Epoch(0.02f);
  for (int epoch = 0; epoch < 10; ++epoch) Epoch(0.02f);
  EXPECT_NE(Logits(1), before);
  ASSERT_EQ(interpreter_.Reset(), kTfLiteOk);
  EXPECT_EQ(Logits(1), before);
  EXPECT_EQ(Epoch(0.02f), first_loss);
}

TEST(RegisterTrainingOpsTest, FailsWhenTheResolverIsFull) {
  tflite::MicroMutableOpResolver<kTrainingOpCount - 1> resolver;
  EXPECT_EQ(RegisterTrainingOps(resolver), kTfLiteError);
}

TEST(RegisterTrainingOpsTest, FailsWhenCalledTwice) {
  tflite::MicroMutableOpResolver<2 * kTrainingOpCount> resolver;
  EXPECT_EQ(RegisterTrainingOps(resolver), kTfLiteOk);
  EXPECT_EQ(RegisterTrainingOps(resolver), kTfLiteError);
}

}  // namespace
}  // namespace tflm_training
