// MicroInterpreter with the memory it runs in. Host only: throws and allocates.

#ifndef TFLM_TRAINING_RUNTIME_INTERPRETER_H_
#define TFLM_TRAINING_RUNTIME_INTERPRETER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tflm_training/_runtime_recorder.h"
#include "tflm_training/_runtime_resolver.h"

namespace tflm_training {

// A tensor of the flatbuffer, as its description says. `scale` is 0 and `zero_point` 0
// for a tensor without quantisation; of a tensor quantised per channel, channel 0's.
struct TensorInfo {
  int index;
  std::string name;
  std::vector<int> shape;
  TfLiteType type;
  float scale;
  int zero_point;
  bool is_variable;
  bool is_constant;
};

// A view of memory in the arena or the model; valid as long as the Interpreter.
struct TensorView {
  void* data;
  std::size_t bytes;
  const TensorInfo* info;
};

class Interpreter {
 public:
  // Copies the model to memory of its own. arena_bytes 0: as large as it takes, up to
  // kLargestArena. Throws std::invalid_argument for what is not a TFLite model and
  // std::runtime_error with TFLite Micro's text when allocation fails.
  Interpreter(const std::string& model, std::size_t arena_bytes, bool preserve_all_tensors);

  // All throw std::runtime_error with TFLite Micro's text.
  void Invoke();
  // Invoke(), and what each custom operator saw and did.
  std::vector<RecordedOperator> InvokeRecorded();
  void Reset();

  // A training flatbuffer copies its variables' initial values in the first Invoke() after a Reset().
  bool has_variables() const { return has_variables_; }
  // To be called when interpreter() was invoked by somebody else.
  void Invoked();
  // Of all variables, recurrent states too. SetVariables takes what Variables gave.
  std::string Variables();
  void SetVariables(const std::string& contents);

  std::size_t ArenaUsedBytes() const { return interpreter_->arena_used_bytes(); }
  const std::vector<TensorInfo>& Tensors() const { return tensors_; }
  std::vector<TensorInfo> Inputs() const;
  std::vector<TensorInfo> Outputs() const;

  // Memory of the i-th input or output. Throws std::out_of_range.
  TensorView Input(int i);
  TensorView Output(int i);

  // Memory of any tensor whose value outlives Invoke(): a constant, a variable or an
  // output, and every tensor with preserve_all_tensors. Throws std::out_of_range, or
  // std::invalid_argument for a tensor whose memory is reused.
  TensorView Tensor(int index);

  const tflite::Model* model() const { return model_; }
  tflite::MicroInterpreter& interpreter() { return *interpreter_; }

  // The flatbuffer's metadata entry of that name; nullptr if there is none.
  const tflite::Buffer* Metadata(const std::string& name) const;

 private:
  static constexpr std::size_t kSmallestAutomaticArena = std::size_t{16} << 20;
  static constexpr std::size_t kLargestArena = std::size_t{1} << 30;

  // MicroInterpreter's own GetTensor() wants all tensors to be preserved.
  class OpenInterpreter : public tflite::MicroInterpreter {
   public:
    using tflite::MicroInterpreter::MicroInterpreter;
    TfLiteEvalTensor* EvalTensor(int index) { return context().GetEvalTensor(&context(), index); }
    using tflite::MicroInterpreter::context;
  };

  struct Free {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  using AlignedBytes = std::unique_ptr<std::uint8_t[], Free>;

  static AlignedBytes Allocate(std::size_t bytes);
  bool TryArena(std::size_t bytes);
  void DescribeTensors();
  void FindLstmStates();
  // An LSTM begins with zeros at each Invoke() and leaves zeros behind, as CMSIS-NN's does; TFLM's
  // reference kernel would go on from the sample before.
  void ClearLstmStates();
  TensorView View(int tensor_index);

  AlignedBytes model_memory_;
  const tflite::Model* model_ = nullptr;
  const tflite::SubGraph* subgraph_ = nullptr;
  bool preserve_all_tensors_;
  bool has_variables_ = false;
  std::vector<TensorInfo> tensors_;
  std::vector<int> lstm_states_;  // indices of tensors
  HostOpResolver resolver_;
  AlignedBytes arena_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<OpenInterpreter> interpreter_;  // last: refers to all above
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_INTERPRETER_H_
