#include "tflm_training/_runtime_recorder.h"

#include <algorithm>

namespace tflm_training {
namespace {

std::vector<int> ToVector(const flatbuffers::Vector<std::int32_t>* indices) {
  if (indices == nullptr) return {};
  return {indices->begin(), indices->end()};
}

}  // namespace

std::string Recorder::Bytes(int tensor_index) const {
  const Memory memory = memory_of_(tensor_index);
  return {static_cast<const char*>(memory.data), memory.bytes};
}

void Recorder::Start() {
  operators_.clear();
  next_ = 0;
  active_ = true;
}

std::vector<RecordedOperator> Recorder::Stop() {
  active_ = false;
  return std::move(operators_);
}

bool Recorder::SawEveryOperator() const { return next_ == Operators().size(); }

// The handle is the operator's index.
uint32_t Recorder::BeginEvent(const char*) {
  const unsigned index = next_++;
  if (!active_ || index >= Operators().size()) return index;
  const tflite::Operator& op = *Operators().Get(index);
  const auto* code = model_->operator_codes()->Get(op.opcode_index())->custom_code();
  if (code == nullptr) return index;
  RecordedOperator recorded{static_cast<int>(index), code->str(), {}, {}, {}, {}};
  if (op.custom_options() != nullptr) {
    recorded.options.assign(op.custom_options()->begin(), op.custom_options()->end());
  }
  recorded.inputs = ToVector(op.inputs());
  recorded.outputs = ToVector(op.outputs());
  for (const auto* list : {&recorded.inputs, &recorded.outputs}) {
    for (const int tensor : *list) {
      const auto seen = [tensor](const RecordedTensor& other) { return other.index == tensor; };
      if (tensor < 0 || std::any_of(recorded.tensors.begin(), recorded.tensors.end(), seen)) {
        continue;
      }
      const auto address = reinterpret_cast<std::uintptr_t>(memory_of_(tensor).data);
      recorded.tensors.push_back({tensor, address, Bytes(tensor), {}});
    }
  }
  operators_.push_back(std::move(recorded));
  return index;
}

void Recorder::EndEvent(uint32_t handle) {
  if (!active_ || operators_.empty()) return;
  RecordedOperator& recorded = operators_.back();
  if (recorded.index != static_cast<int>(handle)) return;
  for (RecordedTensor& tensor : recorded.tensors) tensor.after = Bytes(tensor.index);
}

}  // namespace tflm_training
