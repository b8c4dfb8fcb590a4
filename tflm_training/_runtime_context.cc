#include "tflm_training/_runtime_context.h"

#include "tensorflow/lite/micro/micro_context.h"

namespace tflm_training {
namespace {

thread_local const tflite::Model* preparing_model = nullptr;

// The flatbuffer's description of a temporary tensor, nullptr if it is of no such tensor:
// TFLM lets `dims` point to the shape in the flatbuffer.
const tflite::Tensor* Described(const TfLiteTensor* tensor) {
  if (preparing_model == nullptr || tensor == nullptr) return nullptr;
  const tflite::Tensor* found = nullptr;
  for (const tflite::Tensor* candidate : *preparing_model->subgraphs()->Get(0)->tensors()) {
    if (static_cast<const void*>(candidate->shape()) != tensor->dims) continue;
    // Files may store one shape for several tensors: a constant is known by its content.
    const auto* content = preparing_model->buffers()->Get(candidate->buffer())->data();
    const bool is_constant = content != nullptr && content->size() != 0;
    if (is_constant && content->data() == tensor->data.data) return candidate;
    if (!is_constant && found == nullptr) found = candidate;
  }
  return found;
}

bool IsVariable(TfLiteContext*, TfLiteTensor* tensor) {
  const tflite::Tensor* described = Described(tensor);
  return described != nullptr && described->is_variable();
}

bool IsConstant(TfLiteContext*, TfLiteTensor* tensor) {
  const tflite::Tensor* described = Described(tensor);
  if (described == nullptr) return false;
  const auto* data = preparing_model->buffers()->Get(described->buffer())->data();
  return data != nullptr && data->size() != 0;
}

}  // namespace

void CompleteContext(const TfLiteContext& context) {
  TfLiteContext& open = const_cast<TfLiteContext&>(context);
  if (open.ReportError == nullptr) open.ReportError = tflite::MicroContextReportOpError;
  if (open.IsVariableTensor == nullptr) open.IsVariableTensor = IsVariable;
  if (open.IsConstantTensor == nullptr) open.IsConstantTensor = IsConstant;
}

Preparing::Preparing(const tflite::Model* model) { preparing_model = model; }

Preparing::~Preparing() { preparing_model = nullptr; }

}  // namespace tflm_training
