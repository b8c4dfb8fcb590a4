// Records what each custom operator reads and writes in one Invoke(). Host only: allocates.

#ifndef TFLM_TRAINING_RUNTIME_RECORDER_H_
#define TFLM_TRAINING_RUNTIME_RECORDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflm_training {

// A tensor's memory: where it was, and its bytes right before and right after the operator.
struct RecordedTensor {
  int index;
  std::uintptr_t address;
  std::string before;
  std::string after;
};

// inputs and outputs are the flatbuffer's indices, -1 for an absent input; tensors has each
// of them once.
struct RecordedOperator {
  int index;
  std::string custom_code;
  std::string options;
  std::vector<int> inputs;
  std::vector<int> outputs;
  std::vector<RecordedTensor> tensors;
};

// TFLite Micro calls a profiler before and after each operator, when its arena holds what the
// operator really sees. Between Start() and Stop() this one copies it.
class Recorder : public tflite::MicroProfilerInterface {
 public:
  struct Memory {
    const void* data;  // nullptr: the tensor has none
    std::size_t bytes;
  };
  using MemoryOf = std::function<Memory(int tensor_index)>;

  // Refers to both as long as it lives.
  Recorder(const tflite::Model* model, MemoryOf memory_of)
      : model_(model), memory_of_(std::move(memory_of)) {}

  void Start();
  std::vector<RecordedOperator> Stop();
  // Whether there were as many events since Start() as there are operators.
  bool SawEveryOperator() const;

  uint32_t BeginEvent(const char* tag) override;
  void EndEvent(uint32_t handle) override;

 private:
  const flatbuffers::Vector<flatbuffers::Offset<tflite::Operator>>& Operators() const {
    return *model_->subgraphs()->Get(0)->operators();
  }
  std::string Bytes(int tensor_index) const;

  const tflite::Model* model_;
  MemoryOf memory_of_;
  bool active_ = false;
  unsigned next_ = 0;
  std::vector<RecordedOperator> operators_;
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_RECORDER_H_
