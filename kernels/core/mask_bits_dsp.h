// WriteMaskBits of activation_mask.h for the Arm DSP extension: equal for every argument.
#ifndef KERNELS_CORE_MASK_BITS_DSP_H_
#define KERNELS_CORE_MASK_BITS_DSP_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/activation_mask.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

TFLM_TRAINING_NOINLINE inline void WriteMaskBitsDsp(const int8_t* values, int32_t elements,
                                                    int32_t low, int32_t high, uint8_t* bits) {
  // low < q < high as first <= q <= last; no byte lies in [127, -128].
  const bool is_empty = low >= 127 || high <= -128;
  const uint32_t first = AllBytes(is_empty ? 127 : Max(low + 1, -128));
  const uint32_t last = AllBytes(is_empty ? -128 : Min(high - 1, 127));
  // Four bytes of 0 or 1.
  const auto passes = [=](const int8_t* four) {
    const uint32_t word = LoadWord(four);
    return Ssub8Sel(word, first, Ssub8Sel(last, word, 0x01010101u, 0), 0);
  };
  int8_t last_values[8] = {};
  for (; elements > 0; elements -= 8, values += 8) {
    if (elements < 8) {
      memcpy(last_values, values, static_cast<size_t>(elements));
      values = last_values;
    }
    // The product gathers bits 0 of the bytes in bits 24 to 27, bits 4 of them in 28 to 31.
    const uint32_t ones = passes(values) | passes(values + 4) << 4;
    *bits++ = static_cast<uint8_t>((ones * 0x01020408u) >> 24);
  }
  if (elements < 0) bits[-1] = static_cast<uint8_t>(bits[-1] & (0xFF >> -elements));
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_MASK_BITS_DSP_H_
