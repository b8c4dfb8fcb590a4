// Trains a model on the board with samples from its UART (docs/device_protocol.md).
//
// As in every TFLM application: a model, an arena, a resolver, an interpreter. What training
// adds is RegisterTrainingOps() and a TrainingSession.

#include "examples/stm32f746/app.h"
#include "examples/stm32f746/board.h"
#include "model_data.h"
#include "model_ops.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm_training/register_training_ops.h"
#include "tflm_training/training_session.h"

namespace {

// SRAM1 and SRAM2 of the STM32F746 (boards/stm32f746/memory.ld).
constexpr size_t kArenaBytes = 256 * 1024;
alignas(16) [[gnu::section(".arena")]] uint8_t arena[kArenaBytes];

// One sample: 128 x 128 x 3 at most.
constexpr size_t kSampleBytes = 48 * 1024;
uint8_t sample[kSampleBytes];

constexpr unsigned int kOpCount = kModelOpCount + tflm_training::kTrainingOpCount;

}  // namespace

int main(int argc, char** argv) {
  board::Init(argc, argv);

  static tflite::MicroMutableOpResolver<kOpCount> resolver;
  AddModelOps(resolver);  // AddConv2D() and the like: what this model needs
  tflm_training::RegisterTrainingOps(resolver);

  const tflite::Model* model = tflite::GetModel(model_data);
  static tflite::MicroInterpreter interpreter(model, resolver, arena, kArenaBytes);
  static tflm_training::TrainingSession session(model, interpreter);

  static device::App app(interpreter, session, kArenaBytes, sample, kSampleBytes);
  app.Start();
  app.Run();
}
