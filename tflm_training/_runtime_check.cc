#include "tflm_training/_runtime_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tensorflow/lite/schema/schema_utils.h"

namespace tflm_training {
namespace {

constexpr std::int64_t kLargestTensor = std::int64_t{1} << 30;  // bytes
constexpr const char* kOfflinePlan = "OfflineMemoryAllocation";
constexpr unsigned kOfflinePlanHeader = 3;  // 32-bit words

[[noreturn]] void Refuse(const std::string& what) {
  throw std::invalid_argument("a damaged TFLite model: " + what);
}

void Require(bool condition, const std::string& what) {
  if (!condition) Refuse(what);
}

// 0 for a type without a size of its own.
int ElementBytes(tflite::TensorType type) {
  switch (type) {
    case tflite::TensorType_BOOL:
    case tflite::TensorType_INT8:
    case tflite::TensorType_UINT8: return 1;
    case tflite::TensorType_FLOAT16:
    case tflite::TensorType_INT16:
    case tflite::TensorType_UINT16: return 2;
    case tflite::TensorType_FLOAT32:
    case tflite::TensorType_INT32:
    case tflite::TensorType_UINT32: return 4;
    case tflite::TensorType_FLOAT64:
    case tflite::TensorType_INT64:
    case tflite::TensorType_UINT64:
    case tflite::TensorType_COMPLEX64: return 8;
    default: return 0;
  }
}

template <typename Vector>
unsigned Size(const Vector* vector) {
  return vector == nullptr ? 0 : vector->size();
}

void CheckTensor(const tflite::Model& model, const tflite::Tensor& tensor,
                 const std::string& name) {
  Require(tensor.buffer() < model.buffers()->size(), name + " has no buffer");
  const int element = ElementBytes(tensor.type());
  std::int64_t bytes = std::max(element, 1);
  for (unsigned i = 0; i < Size(tensor.shape()); ++i) {
    const std::int64_t dimension = tensor.shape()->Get(i);
    Require(dimension >= 0, name + " has a negative dimension");
    bytes *= dimension;
    Require(bytes <= kLargestTensor, name + " is too large");
  }
  const unsigned content = Size(model.buffers()->Get(tensor.buffer())->data());
  Require(content == 0 || element == 0 || content == bytes,
          name + " and its buffer have different sizes");
  const auto* quantization = tensor.quantization();
  const unsigned scales = quantization == nullptr ? 0 : Size(quantization->scale());
  const unsigned zero_points = quantization == nullptr ? 0 : Size(quantization->zero_point());
  Require(zero_points == 0 || scales == zero_points || zero_points == 1,
          name + " has a wrong number of zero points");
  if (scales > 1) {
    // Biases may name the axis of the filter, which they lack.
    const int axis = Size(tensor.shape()) == 1 ? 0 : quantization->quantized_dimension();
    Require(axis >= 0 && static_cast<unsigned>(axis) < Size(tensor.shape()) &&
                static_cast<unsigned>(tensor.shape()->Get(static_cast<unsigned>(axis))) == scales,
            name + " has a wrong number of scales");
  }
  // Reset() fills a variable with its zero point.
  Require(!tensor.is_variable() || (content == 0 && scales > 0 && zero_points > 0),
          name + " is a variable with a content or without a zero point");
}

void CheckIndices(const flatbuffers::Vector<std::int32_t>* indices, unsigned tensors, int lowest,
                  const std::string& what) {
  for (unsigned i = 0; i < Size(indices); ++i) {
    const std::int32_t index = indices->Get(i);
    if (index < lowest || (index >= 0 && static_cast<unsigned>(index) >= tensors)) {
      Refuse(what + " names tensor " + std::to_string(index) + ", which does not exist");
    }
  }
}

void CheckOperator(const tflite::Model& model, const tflite::Operator& op, unsigned tensors,
                   const std::string& name) {
  Require(op.opcode_index() < model.operator_codes()->size(), name + " has no operator code");
  const tflite::OperatorCode& code = *model.operator_codes()->Get(op.opcode_index());
  const tflite::BuiltinOperator builtin = tflite::GetBuiltinCode(&code);  // of old files too
  Require(builtin != tflite::BuiltinOperator_CUSTOM || code.custom_code() != nullptr,
          name + " has no custom code");
  // TFLite Micro's Prepare frees the bias that is not there.
  const bool is_depthwise = builtin == tflite::BuiltinOperator_DEPTHWISE_CONV_2D;
  CheckIndices(op.inputs(), tensors, is_depthwise ? 0 : -1, name);
  CheckIndices(op.outputs(), tensors, 0, name);
  CheckIndices(op.intermediates(), tensors, 0, name);
}

void CheckMetadata(const tflite::Model& model, unsigned tensors) {
  for (unsigned i = 0; i < Size(model.metadata()); ++i) {
    const tflite::Metadata& entry = *model.metadata()->Get(i);
    Require(entry.name() != nullptr && entry.buffer() < model.buffers()->size(),
            "metadata without a name or a buffer");
    if (std::strcmp(entry.name()->c_str(), kOfflinePlan) != 0) continue;
    const auto* content = model.buffers()->Get(entry.buffer())->data();
    const std::size_t bytes = sizeof(std::int32_t) * (kOfflinePlanHeader + std::size_t{tensors});
    Require(Size(content) == bytes, "a memory plan for another number of tensors");
  }
}

}  // namespace

void CheckModel(const tflite::Model& model) {
  Require(Size(model.subgraphs()) > 0 && model.buffers() != nullptr &&
              model.operator_codes() != nullptr,
          "no graph");
  CheckMetadata(model, Size(model.subgraphs()->Get(0)->tensors()));
  for (const tflite::SubGraph* graph : *model.subgraphs()) {
    Require(graph->tensors() != nullptr && graph->operators() != nullptr &&
                graph->inputs() != nullptr && graph->outputs() != nullptr,
            "an empty graph");
    const unsigned tensors = graph->tensors()->size();
    for (unsigned i = 0; i < tensors; ++i) {
      CheckTensor(model, *graph->tensors()->Get(i), "tensor " + std::to_string(i));
    }
    for (unsigned i = 0; i < graph->operators()->size(); ++i) {
      CheckOperator(model, *graph->operators()->Get(i), tensors, "operator " + std::to_string(i));
    }
    CheckIndices(graph->inputs(), tensors, 0, "an input");
    CheckIndices(graph->outputs(), tensors, 0, "an output");
  }
}

}  // namespace tflm_training
