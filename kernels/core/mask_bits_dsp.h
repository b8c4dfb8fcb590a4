// WriteMaskBits of activation_mask.h for the Arm DSP extension: equal for every argument.
#ifndef KERNELS_CORE_MASK_BITS_DSP_H_
#define KERNELS_CORE_MASK_BITS_DSP_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/activation_mask.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"

namespace tflm_training {

inline void WriteMaskBitsDsp(const int8_t* values, int32_t elements, int32_t low, int32_t high,
                             uint8_t* bits) {
  // low < q < high as first <= q <= last; no byte lies in [127, -128].
  const bool is_empty = low >= 127 || high <= -128;
  const uint32_t first = AllBytes(is_empty ? 127 : Max(low + 1, -128));
  const uint32_t last = AllBytes(is_empty ? -128 : Min(high - 1, 127));
  // Four bytes of 0 or 1, gathered in the top bits: byte i moves to bit 28 + i.
  const auto nibble = [=](const int8_t* four) {
    const uint32_t word = LoadWord(four);
    const uint32_t ones = Ssub8Sel(word, first, Ssub8Sel(last, word, 0x01010101u, 0), 0);
    return (ones * 0x10204080u) >> 28;
  };
  for (; elements > 0; elements -= 8, values += 8) {
    const int8_t* eight = values;
    int8_t last[8] = {};
    uint32_t used = 0xFF;
    if (elements < 8) {
      memcpy(last, values, static_cast<size_t>(elements));
      eight = last;
      used = (1u << elements) - 1;
    }
    *bits++ = static_cast<uint8_t>((nibble(eight) | nibble(eight + 4) << 4) & used);
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_MASK_BITS_DSP_H_
