// A classifier or regressor of one FULLY_CONNECTED as a training flatbuffer, and a session of it.
#ifndef TESTS_SESSION_SESSION_MODEL_H_
#define TESTS_SESSION_SESSION_MODEL_H_

#include <cstdint>
#include <vector>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tflm_training/register_training_ops.h"
#include "tflm_training/training_session.h"

namespace tflm_training {

constexpr int kFeatures = 6;
constexpr int kClasses = 3;

// What distinguishes a test model.
struct ModelTraits {
  bool regressor = false;
  uint8_t id = 1;         // every byte of its model id
  int id_bytes = 16;      // 0: no metadata
  bool has_rate = true;   // false: the learning rate is int32
  int8_t weight = 1;      // every initial weight
  int32_t samples = 1;    // whose gradients make one update
};

// The flatbuffer's bytes, 16-aligned.
std::vector<uint64_t> BuildModel(const ModelTraits& traits);

// A sample of each class.
extern const int8_t kSamples[kClasses][kFeatures];

// A model with everything that runs it.
class Device {
 public:
  explicit Device(const ModelTraits& traits = {});

  const tflite::Model* model() const { return tflite::GetModel(flatbuffer_.data()); }

  // Trains on every class in turn. Returns the last loss.
  float Train(int steps, float learning_rate = 0.02f);

  // Every variable as the checkpoint holds it: filter, bias and generator state.
  std::vector<uint8_t> Variables();

 private:
  std::vector<uint64_t> flatbuffer_;
  tflite::MicroMutableOpResolver<kTrainingOpCount + 1> resolver_;
  alignas(16) uint8_t arena_[8 * 1024];

 public:
  tflite::MicroInterpreter interpreter;
  TrainingSession session;
};

// A checkpoint in a vector.
class VectorWriter : public CheckpointWriter {
 public:
  // Takes `limit` bytes and refuses the rest.
  explicit VectorWriter(size_t limit = SIZE_MAX) : limit_(limit) {}

  bool Write(const void* data, size_t bytes) override;
  std::vector<uint8_t> content;

 private:
  size_t limit_;
};

}  // namespace tflm_training

#endif  // TESTS_SESSION_SESSION_MODEL_H_
