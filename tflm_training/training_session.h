// Training, inference and checkpoints over an application's own MicroInterpreter.
//
//   tflite::MicroInterpreter interpreter(model, resolver, arena, sizeof(arena));
//   interpreter.AllocateTensors();
//   tflm_training::TrainingSession session(model, interpreter);
//   if (session.Init() != kTfLiteOk) ...                        // says why in one line
//   float loss;
//   session.Train(sample, label, 0.01f, &loss);
//   const TfLiteTensor* output = session.Infer(sample);
//   store.Save(session);                                        // checkpoint_store.h
//
// Everything is checked before a weight changes. What is refused returns kTfLiteError, logs
// one line through MicroPrintf and leaves its reason in error(). There is no allocation, no
// exception and no copy of the weights. Stack: less than 400 bytes of its own (Cortex-M,
// gcc -O2), on top of what MicroInterpreter::Invoke() takes.
#ifndef TFLM_TRAINING_TRAINING_SESSION_H_
#define TFLM_TRAINING_TRAINING_SESSION_H_

#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tflm_training/checkpoint.h"

namespace tflm_training {

// Name of the flatbuffer's metadata entry that holds the kModelIdBytes bytes of model_id().
constexpr char kModelIdMetadata[] = "tflm_training_id";

// Why the last call failed.
enum class TrainingError : uint8_t {
  kNone,
  kModel,         // no training flatbuffer of this project, or the interpreter runs another one
  kInvoke,        // TFLM's Invoke() or Reset() failed; it has logged why
  kState,         // Init() was not called or failed
  kArgument,      // a null pointer, or a label where the model wants a target, or the reverse
  kLearningRate,  // NaN, infinite, negative or above kLargestLearningRate
  kLabel,         // not in [0, classes())
  kLoss,          // not finite or above the limit; see Train()
  kWrite,         // the writer refused bytes
  kRead,          // the reader failed
  kNoCheckpoint,  // there is none
  kVersion,       // of another version of the format
  kDamaged,       // torn, truncated or flipped
  kOtherModel,    // of another model or another conversion
};

constexpr float kLargestLearningRate = 1000.0f;

class TrainingSession {
 public:
  // `model` is what `interpreter` was made of. Both must outlive the session; the interpreter
  // must have allocated its tensors before Init().
  TrainingSession(const tflite::Model* model, tflite::MicroInterpreter& interpreter)
      : model_(model), interpreter_(interpreter) {}

  TrainingSession(const TrainingSession&) = delete;
  TrainingSession& operator=(const TrainingSession&) = delete;

  // Checks the model and runs one inference on zeros, which copies the shipped weights into
  // the arena. Error: kModel, kInvoke.
  TfLiteStatus Init();

  // One training step.
  //
  //   sample         sample_bytes() bytes, quantised as the model's inputs (int8 as a rule); a
  //                  model with several inputs takes them one after another
  //   label          class index in [0, classes())
  //   learning_rate  in [0, kLargestLearningRate]; 0 computes the loss and changes nothing
  //   loss           receives the loss of the forward pass, before the update; may be nullptr
  //
  // A bad argument is found before anything runs. A loss that is not finite or is above the
  // limit (kLoss) is known only after the step: then the weights go back to the rollback
  // checkpoint, if there is one, and otherwise stay as the step left them. In a model that
  // accumulates (converter --accumulate N) the weights move at each N-th sample that trains: a
  // refused one and one with learning rate 0 are none, and the rollback takes the count back.
  TfLiteStatus Train(const void* sample, int32_t label, float learning_rate, float* loss);

  // The same for a model with the mean squared error. `target` has target_bytes() bytes,
  // quantised as the model's output.
  TfLiteStatus TrainTarget(const void* sample, const void* target, float learning_rate,
                           float* loss);

  // The model's (first) output for a sample, valid until the next call; nullptr on failure.
  // Changes no weight.
  const TfLiteTensor* Infer(const void* sample);

  // Back to the shipped weights and their generator state, with steps() 0.
  TfLiteStatus Reset();

  // Writes a checkpoint of checkpoint_bytes(app_bytes) bytes. `app_data` is the application's
  // own (counters, a data position, ...) and may be nullptr with app_bytes 0. Error: kWrite.
  TfLiteStatus Save(CheckpointWriter& writer, const void* app_data = nullptr,
                    size_t app_bytes = 0);

  // Continues from a checkpoint, bit for bit. The checkpoint is verified before the first
  // write; one that is refused leaves the weights as they were. Up to app_capacity bytes of
  // the application's own data are copied to `app_data`. If the reader fails or delivers other
  // bytes in its second pass (kRead, kDamaged), the weights are the shipped ones again.
  TfLiteStatus Restore(CheckpointReader& reader, void* app_data = nullptr,
                       size_t app_capacity = 0);

  // The checkpoint that a bad loss returns to; nullptr (the default) for none. The reader must
  // stay valid until it is replaced.
  void SetRollback(CheckpointReader* reader) { rollback_ = reader; }

  // The largest loss that passes for healthy. Default: any finite one.
  void SetLargestLoss(float loss) { largest_loss_ = loss; }

  // Reason of the last call's failure, kNone after a success.
  TrainingError error() const { return error_; }

  // Whether the last call failed with kLoss and went back to the rollback checkpoint.
  bool rolled_back() const { return rolled_back_; }

  // All of the following are valid after Init().

  // Training steps behind the present weights, each one sample; one with learning rate 0 is none.
  uint32_t steps() const { return steps_; }
  void set_steps(uint32_t steps) { steps_ = steps; }

  // Number of classes, or 0 for a model with the mean squared error.
  int32_t classes() const { return classes_; }
  size_t sample_bytes() const { return sample_bytes_; }
  size_t target_bytes() const;

  // Bytes of the trained weights, their fractions (16-bit weights), the biases and what is
  // pending for them (accumulation); the generator's state is not counted.
  size_t weight_bytes() const { return variable_bytes_ - sizeof(int32_t); }
  size_t checkpoint_bytes(size_t app_bytes = 0) const {
    return kCheckpointOverheadBytes + variable_bytes_ + app_bytes;
  }

  // kModelIdBytes bytes in the flatbuffer that tell this model and conversion from others.
  const uint8_t* model_id() const { return model_id_; }

 private:
  // The inputs behind the data and the outputs behind the model's own.
  static constexpr size_t kTrainingInputs = 2;   // label or target, learning_rate
  static constexpr size_t kTrainingOutputs = 1;  // loss

  enum class Loss : uint8_t { kNone, kLabel, kTarget };

  // A variable's memory in the arena.
  struct Variable {
    uint8_t* data;
    size_t bytes;
  };

  // Parts of Init(). Each returns what is wrong with the model, nullptr if nothing is.
  const char* CheckModel();
  const char* CheckInputsAndOutputs();
  const char* CheckLoss();
  const char* CheckVariables();

  // The operator of a custom code; nullptr if the graph has none.
  const tflite::Operator* FindOperator(const char* custom_code) const;

  // Tensor `i` of the graph if it is a variable, otherwise {nullptr, 0}.
  Variable VariableAt(uint32_t i) const;
  uint32_t tensors() const;

  TfLiteStatus Begin();
  TfLiteStatus Fail(TrainingError error, const char* text);
  TfLiteStatus Step(const void* sample, const void* label, float learning_rate);
  TfLiteStatus GuardedStep(const void* sample, const void* label, float learning_rate,
                           float* loss);
  TfLiteStatus RefuseLoss();
  bool CopyVariables(CheckpointReader& reader, size_t* offset, uint32_t* crc);
  TfLiteStatus Copy(CheckpointReader& reader, const CheckpointHeader& header, void* app_data,
                    size_t app_capacity);

  const tflite::Model* model_;
  tflite::MicroInterpreter& interpreter_;
  const uint8_t* model_id_ = nullptr;
  CheckpointReader* rollback_ = nullptr;
  size_t sample_bytes_ = 0;
  size_t variable_bytes_ = 0;
  uint32_t steps_ = 0;
  int32_t classes_ = 0;
  float largest_loss_ = FLT_MAX;
  Loss loss_ = Loss::kNone;
  TrainingError error_ = TrainingError::kNone;
  bool rolled_back_ = false;
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_TRAINING_SESSION_H_
