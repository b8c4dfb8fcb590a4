// Operators with all that they read and must write, as tools/cortex_m/recording.py packs
// them into one file of 32-bit little-endian words. The emulator loads that file into memory;
// offsets count bytes from its beginning, and operators run in place on it.
#ifndef TOOLS_CORTEX_M_RECORDING_H_
#define TOOLS_CORTEX_M_RECORDING_H_

#include <cstdint>

namespace tflm_training {

struct Recording {
  static constexpr uint32_t kMagic = 0x52434D54;  // "TMCR"

  uint32_t magic;
  uint32_t operators;
  uint32_t first;  // offset of the first RecordedOperator; the others follow it
};

struct RecordedOperator {
  uint32_t row;  // in kernels/training_ops.inc
  uint32_t options;
  uint32_t options_bytes;
  uint32_t inputs;   // offset of a TfLiteIntArray of indices into the tensors, -1: absent
  uint32_t outputs;  // the same
  uint32_t tensors;  // offset of the first RecordedTensor
  uint32_t tensor_count;
  uint32_t before;  // offset of the memory of all tensors, 16-byte aligned
  uint32_t after;   // offset of what that memory must hold afterwards
  uint32_t image_bytes;
};

struct RecordedTensor {
  uint32_t type;  // NumPy's character: 'f' float32, 'i' int32, 'h' int16, 'b' int8, 'B' uint8
  uint32_t dims;  // offset of a TfLiteIntArray
  uint32_t offset;  // in the memory of the operator's tensors
  uint32_t bytes;
  uint32_t is_constant;
  uint32_t is_unspecified;  // whatever it holds afterwards is right
};

// The file in memory.
class RecordingFile {
 public:
  explicit RecordingFile(uintptr_t address) : address_(address) {}

  template <typename T>
  T* At(uint32_t offset) const {
    return reinterpret_cast<T*>(address_ + offset);
  }

 private:
  uintptr_t address_;
};

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_RECORDING_H_
