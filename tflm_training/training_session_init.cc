// Init(): what the model must look like.

#include "tflm_training/training_session.h"

#include <cstring>

#include "kernels/core/tflm.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace tflm_training {
namespace {

constexpr int32_t kBinaryClasses = 2;

// MicroInterpreter shows its context to subclasses only.
class OpenInterpreter : public tflite::MicroInterpreter {
 public:
  static const TfLiteContext& Context(const tflite::MicroInterpreter& interpreter) {
    return (interpreter.*(&OpenInterpreter::context))();
  }
};

bool IsScalar(const TfLiteTensor* tensor, TfLiteType type) {
  return tensor != nullptr && tensor->type == type && tensor->bytes == sizeof(int32_t);
}

bool Equal(const flatbuffers::String* text, const char* expected) {
  return text != nullptr && strcmp(text->c_str(), expected) == 0;
}

}  // namespace

const char* TrainingSession::CheckModel() {
  const auto* subgraphs = model_ == nullptr ? nullptr : model_->subgraphs();
  if (subgraphs == nullptr || subgraphs->size() != 1) return "the model has not one subgraph";
  if (subgraphs->Get(0)->inputs() != &interpreter_.inputs()) {
    return "the interpreter was made of another model";
  }
  if (interpreter_.initialization_status() != kTfLiteOk) return "the interpreter is not usable";
  if (model_->metadata() != nullptr) {
    for (const tflite::Metadata* entry : *model_->metadata()) {
      if (!Equal(entry->name(), kModelIdMetadata)) continue;
      const auto* data = model_->buffers()->Get(entry->buffer())->data();
      if (data != nullptr && data->size() == kModelIdBytes) model_id_ = data->data();
    }
  }
  return model_id_ == nullptr ? "not a training flatbuffer: convert with python -m converter"
                              : nullptr;
}

const char* TrainingSession::CheckInputsAndOutputs() {
  const size_t inputs = interpreter_.inputs_size();
  const size_t outputs = interpreter_.outputs_size();
  if (inputs <= kTrainingInputs || outputs <= kTrainingOutputs) {
    return "the model lacks the inputs and outputs of a training flatbuffer";
  }
  sample_bytes_ = 0;
  for (size_t i = 0; i < inputs - kTrainingInputs; ++i) {
    if (interpreter_.input(i) == nullptr) return "the interpreter has not allocated its tensors";
    sample_bytes_ += interpreter_.input(i)->bytes;
  }
  if (!IsScalar(interpreter_.input(inputs - 1), kTfLiteFloat32)) {
    return "the last input is no learning rate, float32 [1]";
  }
  if (!IsScalar(interpreter_.output(outputs - 1), kTfLiteFloat32)) {
    return "the last output is no loss, float32 [1]";
  }
  return nullptr;
}

const tflite::Operator* TrainingSession::FindOperator(const char* custom_code) const {
  for (const tflite::Operator* op : *model_->subgraphs()->Get(0)->operators()) {
    const auto* code = model_->operator_codes()->Get(op->opcode_index());
    if (Equal(code->custom_code(), custom_code)) return op;
  }
  return nullptr;
}

const char* TrainingSession::CheckLoss() {
  const TfLiteTensor* label = interpreter_.input(interpreter_.inputs_size() - kTrainingInputs);
  if (FindOperator("MEAN_SQUARED_ERROR") != nullptr) {
    if (label == nullptr || label->type != kTfLiteInt8) return "the target is not int8";
    loss_ = Loss::kTarget;
    return nullptr;
  }
  if (!IsScalar(label, kTfLiteInt32)) return "the label is not int32 [1]";
  const tflite::Operator* softmax = FindOperator("SOFTMAX_CROSS_ENTROPY");
  if (softmax != nullptr) {
    // AllocateTensors() has checked length and alignment.
    classes_ = reinterpret_cast<const SoftmaxCrossEntropyOptions*>(
                   softmax->custom_options()->data())
                   ->classes;
  } else if (FindOperator("SIGMOID_CROSS_ENTROPY") != nullptr) {
    classes_ = kBinaryClasses;
  } else {
    return "the model has no loss that is known here";
  }
  loss_ = Loss::kLabel;
  return nullptr;
}

uint32_t TrainingSession::tensors() const {
  return model_->subgraphs()->Get(0)->tensors()->size();
}

TrainingSession::Variable TrainingSession::VariableAt(uint32_t i) const {
  if (!model_->subgraphs()->Get(0)->tensors()->Get(i)->is_variable()) return {nullptr, 0};
  const TfLiteContext& context = OpenInterpreter::Context(interpreter_);
  TfLiteEvalTensor* tensor = context.GetEvalTensor(&context, static_cast<int>(i));
  size_t bytes = 0;
  if (TfLiteEvalTensorByteLength(tensor, &bytes) != kTfLiteOk) return {nullptr, 0};
  return {static_cast<uint8_t*>(tensor->data.data), bytes};
}

const char* TrainingSession::CheckVariables() {
  if (FindOperator("INITIALIZE_VARIABLES") == nullptr) return "the model trains no weights";
  variable_bytes_ = 0;
  for (uint32_t i = 0; i < tensors(); ++i) variable_bytes_ += VariableAt(i).bytes;
  return variable_bytes_ <= sizeof(int32_t) ? "the model trains no weights" : nullptr;
}

TfLiteStatus TrainingSession::Init() {
  error_ = TrainingError::kNone;
  loss_ = Loss::kNone;
  const char* fault = CheckModel();
  if (fault == nullptr) fault = CheckInputsAndOutputs();
  if (fault == nullptr) fault = CheckVariables();
  if (fault == nullptr) fault = CheckLoss();
  if (fault != nullptr) {
    loss_ = Loss::kNone;
    return Fail(TrainingError::kModel, fault);
  }
  if (Step(nullptr, nullptr, 0.0f) != kTfLiteOk) {
    loss_ = Loss::kNone;
    return kTfLiteError;
  }
  return kTfLiteOk;
}

}  // namespace tflm_training
