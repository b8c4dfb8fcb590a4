#ifndef TESTS_CC_MODEL_BUILDER_H_
#define TESTS_CC_MODEL_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/geometry.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflm_training {

// A convolution's record for FULLY_CONNECTED: a 1x1 filter on one position.
template <typename Options>
Options FullyConnectedGeometry(int32_t inputs, int32_t outputs) {
  Options options{};
  options.version = Options::kVersion;
  ConvGeometry& g = options.geometry;
  g.input_height = g.input_width = g.filter_height = g.filter_width = 1;
  g.output_height = g.output_width = g.stride_height = g.stride_width = 1;
  g.dilation_height = g.dilation_width = 1;
  g.input_channels = inputs;
  g.output_channels = outputs;
  return options;
}

// Builds a .tflite model with one subgraph, tensor by tensor, for tests. Tensors are named
// by the index that the Add functions return. Uses the heap: for the host only.
class ModelBuilder {
 public:
  ModelBuilder() {
    model_.version = 3;
    model_.buffers.push_back(std::make_unique<tflite::BufferT>());  // buffer 0: no data
    model_.subgraphs.push_back(std::make_unique<tflite::SubGraphT>());
  }

  // A tensor that the arena holds: an input, an output or an intermediate result.
  int32_t AddTensor(tflite::TensorType type, std::vector<int32_t> shape, float scale = 1.0f,
                    int64_t zero_point = 0) {
    auto tensor = std::make_unique<tflite::TensorT>();
    tensor->type = type;
    tensor->shape = std::move(shape);
    tensor->quantization = std::make_unique<tflite::QuantizationParametersT>();
    tensor->quantization->scale = {scale};
    tensor->quantization->zero_point = {zero_point};
    graph().tensors.push_back(std::move(tensor));
    return static_cast<int32_t>(graph().tensors.size()) - 1;
  }

  // A tensor that lives across invocations. TFLM zeroes it in every Reset().
  int32_t AddVariable(tflite::TensorType type, std::vector<int32_t> shape, float scale = 1.0f) {
    const int32_t index = AddTensor(type, std::move(shape), scale);
    graph().tensors[static_cast<size_t>(index)]->is_variable = true;
    return index;
  }

  // A constant in the flatbuffer.
  template <typename T>
  int32_t AddConstant(tflite::TensorType type, std::vector<int32_t> shape,
                      const std::vector<T>& values, float scale = 1.0f) {
    const int32_t index = AddTensor(type, std::move(shape), scale);
    auto buffer = std::make_unique<tflite::BufferT>();
    buffer->data.resize(values.size() * sizeof(T));
    std::memcpy(buffer->data.data(), values.data(), buffer->data.size());
    model_.buffers.push_back(std::move(buffer));
    graph().tensors[static_cast<size_t>(index)]->buffer =
        static_cast<uint32_t>(model_.buffers.size()) - 1;
    return index;
  }

  // Appends a FULLY_CONNECTED operator; inputs are [input, filter, bias].
  void AddFullyConnected(std::vector<int32_t> inputs, int32_t output,
                         tflite::ActivationFunctionType activation) {
    tflite::FullyConnectedOptionsT options;
    options.fused_activation_function = activation;
    tflite::OperatorT& node =
        AddOperator(tflite::BuiltinOperator_FULLY_CONNECTED, "", std::move(inputs), {output});
    node.builtin_options.Set(std::move(options));
  }

  // Appends a custom operator. `Options` is its record of 32-bit words.
  template <typename Options>
  void AddCustom(const char* custom_code, std::vector<int32_t> inputs,
                 std::vector<int32_t> outputs, const Options& options) {
    tflite::OperatorT& node = AddOperator(tflite::BuiltinOperator_CUSTOM, custom_code,
                                          std::move(inputs), std::move(outputs));
    node.custom_options.resize(sizeof(Options));
    std::memcpy(node.custom_options.data(), &options, sizeof(Options));
  }

  // Writes the flatbuffer. The returned model points into memory that the builder owns.
  const tflite::Model* Finish(std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    graph().inputs = std::move(inputs);
    graph().outputs = std::move(outputs);
    tflite::FinishModelBuffer(flatbuffer_, tflite::Model::Pack(flatbuffer_, &model_));
    return tflite::GetModel(flatbuffer_.GetBufferPointer());
  }

 private:
  tflite::SubGraphT& graph() { return *model_.subgraphs[0]; }

  tflite::OperatorT& AddOperator(tflite::BuiltinOperator builtin, const std::string& custom_code,
                                 std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    auto code = std::make_unique<tflite::OperatorCodeT>();
    code->builtin_code = builtin;
    code->custom_code = custom_code;
    code->deprecated_builtin_code = static_cast<int8_t>(builtin);  // both are below 127
    model_.operator_codes.push_back(std::move(code));
    auto node = std::make_unique<tflite::OperatorT>();
    node->opcode_index = static_cast<uint32_t>(model_.operator_codes.size()) - 1;
    node->inputs = std::move(inputs);
    node->outputs = std::move(outputs);
    graph().operators.push_back(std::move(node));
    return *graph().operators.back();
  }

  tflite::ModelT model_;
  flatbuffers::FlatBufferBuilder flatbuffer_;
};

}  // namespace tflm_training

#endif  // TESTS_CC_MODEL_BUILDER_H_
