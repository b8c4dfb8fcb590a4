// Gives every training operator hostile options, tensors and lists of tensors, under sanitizers.
//
//   hostile_operators RECORDING VARIANTS SEED
//
// RECORDING holds whole operators (tools/cortex_m/recording.py), each of which is varied VARIANTS
// times. Prepare must refuse a variant, with a line of log (TFLM adds the operator), or Eval must
// keep to its tensors: the sanitizers end the program otherwise. Prints for each row of
// kernels/training_ops.inc how many variants were refused, and how many were run.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kernels/core/registration.h"
#include "tests/fuzz/heap_context.h"
#include "tests/fuzz/operator_mutator.h"
#include "tools/cortex_m/recording.h"

namespace tflm_training {
namespace {

struct Row {
  const TFLMRegistration* (*registration)();
  const char* custom_code;
};

constexpr Row kRows[] = {
#define TFLM_TRAINING_OP(CUSTOM_CODE) {Register_##CUSTOM_CODE, #CUSTOM_CODE},
#include "kernels/training_ops.inc"
#undef TFLM_TRAINING_OP
};
constexpr size_t kRowCount = sizeof(kRows) / sizeof(kRows[0]);
std::string last_log;

TfLiteType TypeOf(uint32_t character) {
  switch (character) {
    case 'f': return kTfLiteFloat32;
    case 'i': return kTfLiteInt32;
    case 'h': return kTfLiteInt16;
    case 'b': return kTfLiteInt8;
    default: return kTfLiteUInt8;
  }
}

std::vector<int32_t> IntArray(const RecordingFile& file, uint32_t offset) {
  const auto* words = file.At<int32_t>(offset);
  return std::vector<int32_t>(words + 1, words + 1 + words[0]);
}

Operator Read(const RecordingFile& file, const RecordedOperator& recorded) {
  Operator op;
  op.row = recorded.row;
  const auto* options = file.At<uint8_t>(recorded.options);
  op.options.assign(options, options + recorded.options_bytes);
  op.inputs = IntArray(file, recorded.inputs);
  op.outputs = IntArray(file, recorded.outputs);
  const auto* tensors = file.At<RecordedTensor>(recorded.tensors);
  for (uint32_t i = 0; i < recorded.tensor_count; ++i) {
    const auto* content = file.At<uint8_t>(recorded.before) + tensors[i].offset;
    op.tensors.push_back({TypeOf(tensors[i].type), IntArray(file, tensors[i].dims),
                          {content, content + tensors[i].bytes}, tensors[i].is_constant != 0});
  }
  return op;
}

void Fail(const Operator& op, const char* what) {
  std::printf("%s: %s\n", kRows[op.row].custom_code, what);
  std::fflush(stdout);
  std::abort();
}

// Init, Prepare and, if that accepts it, reset and two Evals. Whether it was run.
bool Run(const Operator& op) {
  const TFLMRegistration& registration = *kRows[op.row].registration();
  HeapContext heap;
  heap.Reset(op.tensors);
  const Block inputs = MakeIntArray(op.inputs), outputs = MakeIntArray(op.outputs);
  std::vector<uint8_t> shifted(op.is_misaligned ? 1 : 0);
  shifted.insert(shifted.end(), op.options.begin(), op.options.end());
  const Block options = MakeBlock(shifted.data(), shifted.size());
  const uint8_t* record = shifted.empty() ? nullptr : options.get() + (op.is_misaligned ? 1 : 0);
  TfLiteNode node{};
  node.inputs = op.has_inputs ? reinterpret_cast<TfLiteIntArray*>(inputs.get()) : nullptr;
  node.outputs = op.has_outputs ? reinterpret_cast<TfLiteIntArray*>(outputs.get()) : nullptr;
  node.custom_initial_data = record;
  node.custom_initial_data_size =
      static_cast<decltype(node.custom_initial_data_size)>(op.options.size());
  if (registration.init != nullptr) {
    node.user_data = registration.init(heap.context(), reinterpret_cast<const char*>(record),
                                       op.options.size());
  }
  last_log.clear();
  const TfLiteStatus status = registration.prepare(heap.context(), &node);
  if (heap.temporaries() != 0) Fail(op, "Prepare kept a temporary tensor");
  if (status != kTfLiteOk) {
    if (last_log.empty()) Fail(op, "refused without a word");
    return false;
  }
  if (registration.reset != nullptr) registration.reset(heap.context(), node.user_data);
  for (int i = 0; i < 2; ++i) registration.invoke(heap.context(), &node);
  return true;
}

int Main(const char* path, uint32_t variants, uint32_t seed) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), {});
  const RecordingFile file(reinterpret_cast<uintptr_t>(bytes.data()));
  const auto& recording = *file.At<Recording>(0);
  if (bytes.size() < sizeof(Recording) || recording.magic != Recording::kMagic) return 2;
  uint32_t refused[kRowCount] = {}, run[kRowCount] = {};
  const auto* recorded = file.At<RecordedOperator>(recording.first);
  for (uint32_t i = 0; i < recording.operators; ++i) {
    const Operator whole = Read(file, recorded[i]);
    if (!Run(whole)) Fail(whole, "refused unchanged");
    for (const int32_t output : whole.outputs) {
      Operator op = whole;
      op.tensors[static_cast<size_t>(output)].is_constant = true;
      if (Run(op)) Fail(op, "writes to a constant");
    }
    for (uint32_t variant = 0; variant < variants; ++variant) {
      std::seed_seq sequence{seed, i, variant};
      uint32_t mixed;
      sequence.generate(&mixed, &mixed + 1);
      Operator op = whole;
      Mutator(mixed).Change(op);
      ++(Run(op) ? run : refused)[op.row];
    }
  }
  for (size_t row = 0; row < kRowCount; ++row) {
    std::printf("%s %u %u\n", kRows[row].custom_code, refused[row], run[row]);
  }
  return 0;
}

}  // namespace
}  // namespace tflm_training

void VMicroPrintf(const char* format, va_list arguments) {
  char line[256];
  std::vsnprintf(line, sizeof(line), format, arguments);
  tflm_training::last_log = line;
}

void MicroPrintf(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  VMicroPrintf(format, arguments);
  va_end(arguments);
}

int main(int count, char** arguments) {
  if (count != 4) return 2;
  return tflm_training::Main(arguments[1], static_cast<uint32_t>(std::atoi(arguments[2])),
                             static_cast<uint32_t>(std::atoi(arguments[3])));
}
