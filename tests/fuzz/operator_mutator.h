// An operator with everything it is given, and what makes it hostile.
#ifndef TESTS_FUZZ_OPERATOR_MUTATOR_H_
#define TESTS_FUZZ_OPERATOR_MUTATOR_H_

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "tests/fuzz/heap_context.h"

namespace tflm_training {

constexpr int32_t kAbsent = -1;
// Larger ones only take time.
constexpr int64_t kLargestTensor = 1 << 16;

struct Operator {
  uint32_t row;
  std::vector<uint8_t> options;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  std::vector<HeapTensor> tensors;
  bool has_inputs = true;
  bool has_outputs = true;
  bool is_misaligned = false;
};

inline int64_t BytesOf(TfLiteType type) {
  switch (type) {
    case kTfLiteInt8:
    case kTfLiteUInt8:
    case kTfLiteBool: return 1;
    case kTfLiteInt16: return 2;
    case kTfLiteInt64: return 8;
    default: return 4;
  }
}

// Changes one thing, sometimes three.
class Mutator {
 public:
  explicit Mutator(uint32_t seed) : engine_(seed) {}

  void Change(Operator& op) {
    for (int changes = Draw(8) == 0 ? 3 : 1; changes > 0; --changes) {
      switch (Draw(10)) {
        case 0: ResizeOptions(op); break;
        case 1: ChangeList(op.inputs, op); break;
        case 2: ChangeList(op.outputs, op); break;
        case 3: ChangeType(op); break;
        case 4: ChangeShape(op); break;
        case 5: ChangeContent(op); break;
        case 6: Leave(op); break;
        default: ChangeWord(op); break;
      }
    }
  }

 private:
  uint32_t Draw(size_t below) { return static_cast<uint32_t>(engine_() % below); }

  int32_t Value(int32_t old) {
    static constexpr int32_t kValues[] = {0,     1,     -1,        2,          3,     7,
                                          8,     15,    16,        31,         32,    127,
                                          128,   -128,  -129,      255,        256,   32767,
                                          32768, 65536, 1 << 30,   2147483647, -2147483647 - 1,
                                          46341, 0x7fc00000, 0x7f800000};  // two are float
    constexpr size_t kCount = sizeof(kValues) / sizeof(kValues[0]);
    switch (Draw(4)) {
      case 0: return static_cast<int32_t>(static_cast<uint32_t>(old) + 1);
      case 1: return static_cast<int32_t>(static_cast<uint32_t>(old) - 1);
      case 2: return static_cast<int32_t>(engine_());
      default: return kValues[Draw(kCount)];
    }
  }

  void ChangeWord(Operator& op) {
    if (op.options.size() < sizeof(int32_t)) return;
    uint8_t* place = op.options.data() + sizeof(int32_t) * Draw(op.options.size() / 4);
    int32_t word;
    std::memcpy(&word, place, sizeof(word));
    word = Value(word);
    std::memcpy(place, &word, sizeof(word));
  }

  void ResizeOptions(Operator& op) {
    switch (Draw(4)) {
      case 0: op.options.resize(Draw(op.options.size() + 1)); break;
      case 1: op.options.resize(op.options.size() + 1 + Draw(40)); break;
      case 2: op.is_misaligned = true; break;
      default:
        for (uint8_t& byte : op.options) byte = static_cast<uint8_t>(engine_());
    }
  }

  void ChangeList(std::vector<int32_t>& list, Operator& op) {
    const auto tensor = static_cast<int32_t>(Draw(op.tensors.size()));
    const bool is_input = &list == &op.inputs;
    switch (Draw(4)) {
      case 0: list.push_back(tensor); break;
      case 1:
        if (!list.empty()) list.erase(list.begin() + Draw(list.size()));
        break;
      case 2: (is_input ? op.has_inputs : op.has_outputs) = Draw(4) != 0; break;
      default:
        // Outputs that are not there never come out of TFLite Micro.
        if (!list.empty()) list[Draw(list.size())] = is_input && Draw(2) == 0 ? kAbsent : tensor;
    }
  }

  HeapTensor& Any(Operator& op) { return op.tensors[Draw(op.tensors.size())]; }

  void ChangeType(Operator& op) {
    static constexpr TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteInt32, kTfLiteInt16,
                                            kTfLiteInt8,    kTfLiteUInt8, kTfLiteInt64,
                                            kTfLiteBool};
    HeapTensor& tensor = Any(op);
    tensor.type = kTypes[Draw(7)];
    Fit(tensor);
  }

  void ChangeShape(Operator& op) {
    HeapTensor& tensor = Any(op);
    const std::vector<int32_t> before = tensor.dims;
    if (tensor.dims.empty() || Draw(4) == 0) {
      tensor.dims.push_back(static_cast<int32_t>(Draw(4)));
    } else if (Draw(4) == 0) {
      tensor.dims.pop_back();
    } else {
      int32_t& dim = tensor.dims[Draw(tensor.dims.size())];
      dim = Draw(2) == 0 ? dim + 1 : static_cast<int32_t>(Draw(300));
    }
    int64_t bytes = BytesOf(tensor.type);
    for (const int32_t dim : tensor.dims) bytes *= dim;
    if (bytes > kLargestTensor) tensor.dims = before;
    Fit(tensor);
  }

  // The size follows type and shape, as in TFLite Micro.
  void Fit(HeapTensor& tensor) {
    int64_t bytes = BytesOf(tensor.type);
    for (const int32_t dim : tensor.dims) bytes *= dim;
    tensor.content.resize(static_cast<size_t>(bytes), 0x55);
  }

  void ChangeContent(Operator& op) {
    HeapTensor& tensor = Any(op);
    const bool whole = Draw(2) == 0;
    for (size_t i = 0; i + 4 <= tensor.content.size(); i += 4) {
      if (!whole && Draw(8) != 0) continue;
      const int32_t word = Value(0);
      std::memcpy(tensor.content.data() + i, &word, sizeof(word));
    }
  }

  void Leave(Operator& op) {
    HeapTensor& tensor = Any(op);
    tensor.is_constant = !tensor.is_constant;
  }

  std::mt19937 engine_;
};

}  // namespace tflm_training

#endif  // TESTS_FUZZ_OPERATOR_MUTATOR_H_
