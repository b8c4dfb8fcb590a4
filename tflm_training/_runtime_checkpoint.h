// Checkpoints on the host, by the code that runs on a device. Host only: throws and allocates.

#ifndef TFLM_TRAINING_RUNTIME_CHECKPOINT_H_
#define TFLM_TRAINING_RUNTIME_CHECKPOINT_H_

#include <cstdint>
#include <string>

#include "tflm_training/_runtime_interpreter.h"

namespace tflm_training {

// The parts of a checkpoint. Byte strings.
struct CheckpointContent {
  std::string model_id;
  std::uint32_t steps;
  std::string variables;
  std::string app_data;
};

// The interpreter's state as a checkpoint. Throws std::invalid_argument if its model is no
// training flatbuffer with an id. Changes no variable; before the first Invoke() it runs an
// inference, which initialises them.
std::string SaveCheckpoint(Interpreter& interpreter, std::uint32_t steps,
                           const std::string& app_data);

// Brings the interpreter's variables to the state of a checkpoint. Throws std::invalid_argument
// with the reason if it is refused; the variables are then as they were.
void RestoreCheckpoint(Interpreter& interpreter, const std::string& checkpoint);

// Reads a checkpoint of any model. Throws std::invalid_argument if it is not whole.
CheckpointContent ReadCheckpoint(const std::string& checkpoint);

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_CHECKPOINT_H_
