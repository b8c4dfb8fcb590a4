#include "tflm_training/_runtime_interpreter.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>

#include "tensorflow/lite/schema/schema_generated.h"
#include "tensorflow/lite/schema/schema_utils.h"
#include "tflm_training/_debug_log.h"
#include "tflm_training/_runtime_check.h"
#include "tflm_training/_runtime_context.h"

namespace tflm_training {
namespace {

constexpr std::size_t kAlignment = 16;

TfLiteType ToTfLiteType(tflite::TensorType type) {
  switch (type) {
    case tflite::TensorType_FLOAT32: return kTfLiteFloat32;
    case tflite::TensorType_INT8: return kTfLiteInt8;
    case tflite::TensorType_UINT8: return kTfLiteUInt8;
    case tflite::TensorType_INT16: return kTfLiteInt16;
    case tflite::TensorType_INT32: return kTfLiteInt32;
    case tflite::TensorType_INT64: return kTfLiteInt64;
    case tflite::TensorType_BOOL: return kTfLiteBool;
    default: return kTfLiteNoType;
  }
}

// 0 for types that are not shown to Python.
std::size_t ElementBytes(TfLiteType type) {
  switch (type) {
    case kTfLiteBool:
    case kTfLiteInt8:
    case kTfLiteUInt8: return 1;
    case kTfLiteInt16: return 2;
    case kTfLiteFloat32:
    case kTfLiteInt32: return 4;
    case kTfLiteInt64: return 8;
    default: return 0;
  }
}

// `what`, and after it the lines that TFLite Micro logged.
[[noreturn]] void ThrowWithLog(const std::string& what) {
  std::string text = what;
  std::string line;
  const char* separator = ": ";
  for (const char* c = TflmTrainingLog();; ++c) {
    if (*c != '\0' && *c != '\r' && *c != '\n') {
      line += *c;
      continue;
    }
    if (!line.empty()) {
      text += separator + line;
      separator = "; ";
    }
    line.clear();
    if (*c == '\0') break;
  }
  throw std::runtime_error(text);
}

}  // namespace

Interpreter::AlignedBytes Interpreter::Allocate(std::size_t bytes) {
  static_assert(alignof(std::max_align_t) >= kAlignment, "calloc aligns for any type");
  void* memory = std::calloc(std::max<std::size_t>(bytes, 1), 1);
  if (memory == nullptr) throw std::bad_alloc();
  return AlignedBytes(static_cast<std::uint8_t*>(memory));
}

Interpreter::Interpreter(const std::string& model, std::size_t arena_bytes,
                         bool preserve_all_tensors)
    : model_memory_(Allocate(model.size())), preserve_all_tensors_(preserve_all_tensors) {
  std::memcpy(model_memory_.get(), model.data(), model.size());
  flatbuffers::Verifier verifier(model_memory_.get(), model.size());
  if (!tflite::VerifyModelBuffer(verifier)) {
    throw std::invalid_argument("not a TFLite model (or a damaged one)");
  }
  model_ = tflite::GetModel(model_memory_.get());
  if (model_->version() != TFLITE_SCHEMA_VERSION) {
    throw std::invalid_argument("TFLite schema version " + std::to_string(model_->version()) +
                                ", expected " + std::to_string(TFLITE_SCHEMA_VERSION));
  }
  CheckModel(*model_);
  subgraph_ = model_->subgraphs()->Get(0);
  DescribeTensors();
  FindLstmStates();
  recorder_ = std::make_unique<Recorder>(model_, [this](int index) {
    const TensorView view = View(index);
    return Recorder::Memory{view.data, view.bytes};
  });
  TflmTrainingClearLog();
  RegisterAllOps(resolver_);
  if (arena_bytes != 0) {
    if (TryArena(arena_bytes)) return;
  } else {
    for (std::size_t bytes = kSmallestAutomaticArena; bytes <= kLargestArena; bytes *= 4) {
      if (TryArena(bytes)) return;
    }
  }
  ThrowWithLog("TFLite Micro cannot allocate the tensors");
}

bool Interpreter::TryArena(std::size_t bytes) {
  TflmTrainingClearLog();
  interpreter_.reset();
  // Untouched pages cost nothing, so a generous arena is cheap on a host. They are zero: where
  // TFLite Micro gives up early, its destructor frees operators that it has not written yet.
  arena_ = Allocate(bytes);
  interpreter_ = std::make_unique<OpenInterpreter>(
      model_, resolver_, arena_.get(), bytes, nullptr, recorder_.get(), preserve_all_tensors_);
  CompleteContext(interpreter_->context());
  const Preparing preparing(model_);
  return interpreter_->initialization_status() == kTfLiteOk &&
         interpreter_->AllocateTensors() == kTfLiteOk;
}

void Interpreter::DescribeTensors() {
  const auto& tensors = *subgraph_->tensors();
  for (unsigned i = 0; i < tensors.size(); ++i) {
    const tflite::Tensor& tensor = *tensors.Get(i);
    TensorInfo info{};
    info.index = static_cast<int>(i);
    if (tensor.name() != nullptr) info.name = tensor.name()->str();
    if (tensor.shape() != nullptr) {
      info.shape.assign(tensor.shape()->begin(), tensor.shape()->end());
    }
    info.type = ToTfLiteType(tensor.type());
    const auto* quantization = tensor.quantization();
    if (quantization != nullptr && quantization->scale() != nullptr &&
        quantization->scale()->size() != 0) {
      info.scale = quantization->scale()->Get(0);
      if (quantization->zero_point() != nullptr && quantization->zero_point()->size() != 0) {
        info.zero_point = static_cast<int>(quantization->zero_point()->Get(0));
      }
    }
    info.is_variable = tensor.is_variable();
    const auto* data = model_->buffers()->Get(tensor.buffer())->data();
    info.is_constant = data != nullptr && data->size() != 0;
    tensors_.push_back(info);
  }
}

void Interpreter::FindLstmStates() {
  // Output state and cell state among the inputs of the operator.
  constexpr int kStates[] = {18, 19};
  for (const tflite::Operator* op : *subgraph_->operators()) {
    const auto* code = model_->operator_codes()->Get(op->opcode_index());
    if (tflite::GetBuiltinCode(code) != tflite::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM) continue;
    for (const int state : kStates) {
      if (op->inputs() == nullptr || static_cast<int>(op->inputs()->size()) <= state) continue;
      const int index = op->inputs()->Get(state);
      if (index >= 0 && tensors_[index].is_variable) lstm_states_.push_back(index);
    }
  }
}

void Interpreter::ClearLstmStates() {
  for (const int index : lstm_states_) {
    const TensorView state = View(index);
    const bool is_int8 = state.info->type == kTfLiteInt8;
    std::memset(state.data, is_int8 ? state.info->zero_point : 0, state.bytes);
  }
}

void Interpreter::Invoke() {
  TflmTrainingClearLog();
  ClearLstmStates();
  if (interpreter_->Invoke() != kTfLiteOk) ThrowWithLog("TFLite Micro's Invoke() failed");
  Invoked();
}

void Interpreter::Invoked() {
  ClearLstmStates();
  has_variables_ = true;
}

std::vector<RecordedOperator> Interpreter::InvokeRecorded() {
  TflmTrainingClearLog();
  ClearLstmStates();
  recorder_->Start();
  const TfLiteStatus status = interpreter_->Invoke();
  std::vector<RecordedOperator> operators = recorder_->Stop();
  if (status != kTfLiteOk) ThrowWithLog("TFLite Micro's Invoke() failed");
  Invoked();
  if (!recorder_->SawEveryOperator()) {
    throw std::runtime_error("TFLite Micro's profiling does not follow the operators");
  }
  return operators;
}

void Interpreter::Reset() {
  TflmTrainingClearLog();
  if (interpreter_->Reset() != kTfLiteOk) ThrowWithLog("TFLite Micro's Reset() failed");
  has_variables_ = false;
}

std::string Interpreter::Variables() {
  std::string contents;
  for (const TensorInfo& info : tensors_) {
    if (!info.is_variable) continue;
    const TensorView view = View(info.index);
    contents.append(static_cast<const char*>(view.data), view.bytes);
  }
  return contents;
}

void Interpreter::SetVariables(const std::string& contents) {
  const char* next = contents.data();
  for (const TensorInfo& info : tensors_) {
    if (!info.is_variable) continue;
    const TensorView view = View(info.index);
    std::memcpy(view.data, next, view.bytes);
    next += view.bytes;
  }
}

std::vector<TensorInfo> Interpreter::Inputs() const {
  std::vector<TensorInfo> result;
  for (const int index : *subgraph_->inputs()) result.push_back(tensors_[index]);
  return result;
}

std::vector<TensorInfo> Interpreter::Outputs() const {
  std::vector<TensorInfo> result;
  for (const int index : *subgraph_->outputs()) result.push_back(tensors_[index]);
  return result;
}

TensorView Interpreter::View(int tensor_index) {
  const TfLiteEvalTensor* tensor = interpreter_->EvalTensor(tensor_index);
  const TensorInfo& info = tensors_[tensor_index];
  std::size_t bytes = ElementBytes(info.type);
  if (tensor == nullptr || tensor->data.data == nullptr || bytes == 0) {
    throw std::invalid_argument("tensor " + std::to_string(tensor_index) + " holds no data");
  }
  for (const int dimension : info.shape) bytes *= static_cast<std::size_t>(dimension);
  return {tensor->data.data, bytes, &info};
}

TensorView Interpreter::Input(int i) {
  if (i < 0 || static_cast<unsigned>(i) >= subgraph_->inputs()->size()) {
    throw std::out_of_range("there is no input " + std::to_string(i));
  }
  return View(subgraph_->inputs()->Get(i));
}

TensorView Interpreter::Output(int i) {
  if (i < 0 || static_cast<unsigned>(i) >= subgraph_->outputs()->size()) {
    throw std::out_of_range("there is no output " + std::to_string(i));
  }
  return View(subgraph_->outputs()->Get(i));
}

TensorView Interpreter::Tensor(int index) {
  if (index < 0 || static_cast<std::size_t>(index) >= tensors_.size()) {
    throw std::out_of_range("there is no tensor " + std::to_string(index));
  }
  const TensorInfo& info = tensors_[index];
  bool lasts = preserve_all_tensors_ || info.is_variable || info.is_constant;
  for (const int output : *subgraph_->outputs()) lasts = lasts || output == index;
  if (!lasts) {
    throw std::invalid_argument("tensor " + std::to_string(index) +
                                " shares its memory: build with preserve_all_tensors=True");
  }
  return View(index);
}

const tflite::Buffer* Interpreter::Metadata(const std::string& name) const {
  if (model_->metadata() == nullptr) return nullptr;
  for (const tflite::Metadata* entry : *model_->metadata()) {
    if (entry->name()->str() == name) return model_->buffers()->Get(entry->buffer());
  }
  return nullptr;
}

}  // namespace tflm_training
