// Where an activation was clamped: its gradient does not pass there.
#ifndef KERNELS_CORE_ACTIVATION_MASK_H_
#define KERNELS_CORE_ACTIVATION_MASK_H_

#include <cstdint>

namespace tflm_training {

// Bytes of a bit mask for `elements` elements; -1 stays -1.
inline int32_t MaskBytes(int32_t elements) {
  return elements < 0 ? -1 : elements / 8 + (elements % 8 != 0 ? 1 : 0);
}

// A mask is the saved int8 activation itself, of which only what lies between the bounds
// passes, or one bit for each element (LSB first, 1 passes), or nothing.
struct ActivationMask {
  const int8_t* values;  // the saved activation, or nullptr
  int32_t low;
  int32_t high;
  const uint8_t* bits = nullptr;  // MaskBytes(elements) bytes, or nullptr

  bool Hides(int32_t index) const {
    if (values != nullptr) return values[index] <= low || values[index] >= high;
    return bits != nullptr && ((bits[index >> 3] >> (index & 7)) & 1) == 0;
  }
};

// Writes the bit mask of `values`, [elements]: MaskBytes(elements) bytes, unused bits 0.
inline void WriteMaskBits(const int8_t* values, int32_t elements, int32_t low, int32_t high,
                          uint8_t* bits) {
  for (int32_t first = 0; first < elements; first += 8) {
    const int32_t count = elements - first < 8 ? elements - first : 8;
    uint32_t byte = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int32_t value = values[first + i];
      byte |= (value > low && value < high ? 1u : 0u) << i;
    }
    bits[first / 8] = static_cast<uint8_t>(byte);
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_ACTIVATION_MASK_H_
