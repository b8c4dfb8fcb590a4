// Runs every recorded operator on its recorded memory, compares all of that memory with what
// the recording says, and prints one line each, as tools/cortex_m/emulator.py reads them:
//
//   calibration EXPECTED COUNTED                     instructions
//   operator INDEX INSTRUCTIONS STACK_BYTES          of Eval
//   failed INDEX STAGE                               init, prepare, temporaries (of prepare
//                                                    that it did not give back) or invoke
//   differs INDEX OFFSET EXPECTED ACTUAL BYTES       the first byte, and how many

#include <cstring>
#include <new>

#include "kernels/core/registration.h"
#include "tools/cortex_m/instruction_counter.h"
#include "tools/cortex_m/recording.h"
#include "tools/cortex_m/replay_context.h"
#include "tools/cortex_m/semihosting.h"
#include "tools/cortex_m/stack.h"

namespace tflm_training {
namespace {

constexpr const TFLMRegistration* (*kRegistrations[])() = {
#define TFLM_TRAINING_OP(CUSTOM_CODE) Register_##CUSTOM_CODE,
#include "kernels/training_ops.inc"
#undef TFLM_TRAINING_OP
};

// What an unspecified tensor holds in the recording's `after`.
constexpr int kUnspecified = 0;

void Calibrate(InstructionCounter& counter) {
  for (uint32_t iterations = 1000; iterations <= 1000000; iterations *= 10) {
    counter.Start();
    CalibrationLoop(iterations);
    const auto counted = static_cast<uint32_t>(counter.Stop());
    Print("calibration %lu %lu\n", static_cast<unsigned long>(2 * iterations + 1),
          static_cast<unsigned long>(counted));
  }
}

struct Measurement {
  uint64_t instructions;
  uint32_t stack_bytes;
};

// Init, Prepare and Eval in the interpreter's order. The stage that failed, or nullptr.
const char* Run(const RecordingFile& file, const RecordedOperator& op,
                ReplayContext& replay_context, InstructionCounter& counter,
                Measurement* measured) {
  const TFLMRegistration& registration = *kRegistrations[op.row]();
  TfLiteContext* const context = replay_context.context();
  replay_context.Reset(file, op);
  TfLiteNode node{};
  node.inputs = file.At<TfLiteIntArray>(op.inputs);
  node.outputs = file.At<TfLiteIntArray>(op.outputs);
  node.custom_initial_data = file.At<void>(op.options);
  node.custom_initial_data_size = static_cast<decltype(node.custom_initial_data_size)>(
      op.options_bytes);
  if (registration.init != nullptr) {
    node.user_data = registration.init(context, file.At<const char>(op.options),
                                       op.options_bytes);
    if (node.user_data == nullptr) return "init";
  }
  if (registration.prepare(context, &node) != kTfLiteOk) return "prepare";
  if (replay_context.HoldsTemporaries()) return "temporaries";
  if (registration.reset != nullptr) registration.reset(context, node.user_data);

  StackGauge gauge;
  gauge.Paint();
  counter.Start();
  const TfLiteStatus status = registration.invoke(context, &node);
  measured->instructions = counter.Stop();
  measured->stack_bytes = gauge.UsedBytes();
  return status == kTfLiteOk ? nullptr : "invoke";
}

void Compare(const RecordingFile& file, const RecordedOperator& op, uint32_t index) {
  uint8_t* const actual = file.At<uint8_t>(op.before);
  const uint8_t* const expected = file.At<uint8_t>(op.after);
  const auto* const tensors = file.At<RecordedTensor>(op.tensors);
  for (uint32_t i = 0; i < op.tensor_count; ++i) {
    if (tensors[i].is_unspecified != 0) {
      memset(actual + tensors[i].offset, kUnspecified, tensors[i].bytes);
    }
  }
  if (memcmp(actual, expected, op.image_bytes) == 0) return;
  uint32_t first = op.image_bytes;
  uint32_t differing = 0;
  for (uint32_t i = op.image_bytes; i-- > 0;) {
    if (actual[i] == expected[i]) continue;
    first = i;
    ++differing;
  }
  Print("differs %lu %lu %d %d %lu\n", static_cast<unsigned long>(index),
        static_cast<unsigned long>(first), expected[first], actual[first],
        static_cast<unsigned long>(differing));
}

int Replay() {
  const RecordingFile file(TFLM_TRAINING_RECORDING_ADDRESS);
  const auto& recording = *file.At<Recording>(0);
  InstructionCounter counter;
  Calibrate(counter);
  if (recording.magic != Recording::kMagic) {
    Print("no recording at 0x%x\n", TFLM_TRAINING_RECORDING_ADDRESS);
    return 1;
  }
  // Too large for the stack, and never destroyed: there is no exit to do that.
  alignas(ReplayContext) static uint8_t memory[sizeof(ReplayContext)];
  ReplayContext& replay_context = *new (memory) ReplayContext;
  const auto* op = file.At<RecordedOperator>(recording.first);
  for (uint32_t i = 0; i < recording.operators; ++i, ++op) {
    Measurement measured{};
    const char* const failed = Run(file, *op, replay_context, counter, &measured);
    if (failed != nullptr) {
      Print("failed %lu %s\n", static_cast<unsigned long>(i), failed);
      continue;
    }
    Print("operator %lu %lu %lu\n", static_cast<unsigned long>(i),
          static_cast<unsigned long>(measured.instructions),
          static_cast<unsigned long>(measured.stack_bytes));
    Compare(file, *op, i);
  }
  return 0;
}

}  // namespace
}  // namespace tflm_training

int main() { return tflm_training::Replay(); }
