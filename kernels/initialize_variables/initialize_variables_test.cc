#include "kernels/initialize_variables/initialize_variables.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/core/registration.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tests/cc/model_builder.h"

namespace tflm_training {
namespace {

const std::vector<int8_t> kBytes = {1, -2, 3};
const std::vector<int32_t> kWords = {1 << 30, -5};

// A model whose only operator is INITIALIZE_VARIABLES; the variables are its outputs.
class InitializeVariablesTest : public ::testing::Test {
 protected:
  InitializeVariablesTest() {
    bytes_ = builder_.AddConstant<int8_t>(tflite::TensorType_INT8, {3}, kBytes);
    byte_variable_ = builder_.AddVariable(tflite::TensorType_INT8, {3});
    words_ = builder_.AddConstant<int32_t>(tflite::TensorType_INT32, {2}, kWords);
    word_variable_ = builder_.AddVariable(tflite::TensorType_INT32, {2});
    EXPECT_EQ(resolver_.AddCustom("INITIALIZE_VARIABLES", Register_INITIALIZE_VARIABLES()),
              kTfLiteOk);
  }

  const tflite::Model* Build(const std::vector<int32_t>& inputs) {
    builder_.AddCustom("INITIALIZE_VARIABLES", inputs, {}, InitializeVariablesOptions{1});
    // TFLM wants a graph to have an input.
    const int32_t input = builder_.AddTensor(tflite::TensorType_INT8, {1});
    return builder_.Finish({input}, {byte_variable_, word_variable_});
  }

  TfLiteStatus Prepare(const std::vector<int32_t>& inputs) {
    tflite::MicroInterpreter interpreter(Build(inputs), resolver_, arena_, sizeof(arena_));
    return interpreter.AllocateTensors();
  }

  static std::vector<int8_t> Bytes(tflite::MicroInterpreter& interpreter) {
    const int8_t* data = interpreter.output(0)->data.int8;
    return std::vector<int8_t>(data, data + kBytes.size());
  }

  static std::vector<int32_t> Words(tflite::MicroInterpreter& interpreter) {
    const int32_t* data = interpreter.output(1)->data.i32;
    return std::vector<int32_t>(data, data + kWords.size());
  }

  ModelBuilder builder_;
  tflite::MicroMutableOpResolver<1> resolver_;
  alignas(16) uint8_t arena_[4096];
  int32_t bytes_;
  int32_t byte_variable_;
  int32_t words_;
  int32_t word_variable_;
};

TEST_F(InitializeVariablesTest, CopiesOnceAfterEveryReset) {
  tflite::MicroInterpreter interpreter(Build({bytes_, byte_variable_, words_, word_variable_}),
                                       resolver_, arena_, sizeof(arena_));
  ASSERT_EQ(interpreter.AllocateTensors(), kTfLiteOk);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Bytes(interpreter), std::vector<int8_t>(3, 0));  // TFLM zeroes variables
    ASSERT_EQ(interpreter.Invoke(), kTfLiteOk);
    EXPECT_EQ(Bytes(interpreter), kBytes);
    EXPECT_EQ(Words(interpreter), kWords);

    interpreter.output(0)->data.int8[1] = 99;
    ASSERT_EQ(interpreter.Invoke(), kTfLiteOk);
    EXPECT_EQ(Bytes(interpreter), (std::vector<int8_t>{1, 99, 3}));
    ASSERT_EQ(interpreter.Reset(), kTfLiteOk);
  }
}

TEST_F(InitializeVariablesTest, RejectsAnInputWithoutItsPair) {
  EXPECT_EQ(Prepare({bytes_, byte_variable_, words_}), kTfLiteError);
}

TEST_F(InitializeVariablesTest, RejectsNoInputs) { EXPECT_EQ(Prepare({}), kTfLiteError); }

TEST_F(InitializeVariablesTest, ClearsAVariableWithoutAnInitialValue) {
  tflite::MicroInterpreter interpreter(Build({-1, byte_variable_, words_, word_variable_}),
                                       resolver_, arena_, sizeof(arena_));
  ASSERT_EQ(interpreter.AllocateTensors(), kTfLiteOk);
  interpreter.output(0)->data.int8[1] = 99;
  ASSERT_EQ(interpreter.Invoke(), kTfLiteOk);
  EXPECT_EQ(Bytes(interpreter), std::vector<int8_t>(3, 0));
  EXPECT_EQ(Words(interpreter), kWords);
}

TEST_F(InitializeVariablesTest, RejectsAMissingTensor) {
  EXPECT_EQ(Prepare({bytes_, -1}), kTfLiteError);
}

TEST_F(InitializeVariablesTest, RejectsTwoTypes) {
  const int32_t words = builder_.AddVariable(tflite::TensorType_INT16, {3});
  EXPECT_EQ(Prepare({bytes_, words}), kTfLiteError);
}

TEST_F(InitializeVariablesTest, RejectsTwoSizes) {
  const int32_t longer = builder_.AddVariable(tflite::TensorType_INT8, {4});
  EXPECT_EQ(Prepare({bytes_, longer}), kTfLiteError);
}

TEST_F(InitializeVariablesTest, RejectsAConstantAsTarget) {
  EXPECT_EQ(Prepare({bytes_, bytes_}), kTfLiteError);
}

TEST_F(InitializeVariablesTest, RejectsAVariableAsInitialValue) {
  const int32_t other = builder_.AddVariable(tflite::TensorType_INT8, {3});
  EXPECT_EQ(Prepare({other, byte_variable_}), kTfLiteError);
}

}  // namespace
}  // namespace tflm_training
