// requantize.h with the instructions of a Cortex-M: equal for every argument.
#ifndef KERNELS_CORE_REQUANTIZE_DSP_H_
#define KERNELS_CORE_REQUANTIZE_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/requantize.h"

namespace tflm_training {

// (value * multiplier + 2^30) >> 31 for multiplier >= 0. The product is high:low; its bit 30 is
// what the shift by 31 leaves in the carry.
inline int32_t RoundingDoublingHigh(int32_t value, int32_t multiplier) {
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)
  int32_t low, high;
  __asm__("smull %0, %1, %2, %3\n\tlsrs %0, %0, #31\n\tadc %1, %0, %1, lsl #1"
          : "=&r"(low), "=&r"(high)
          : "r"(value), "r"(multiplier)
          : "cc");
  return high;
#else
  return static_cast<int32_t>((int64_t{value} * multiplier + (int64_t{1} << 30)) >> 31);
#endif
}

// value / 2^shift, half away from zero, plus `offset` modulo 2^32, for a shift in 1..31 and a
// value above -2^31. The last bit shifted out is the carry; one less rounds a negative half down.
inline int32_t RoundingDivideAndAdd(int32_t value, int shift, int32_t offset) {
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)
  int32_t result;
  __asm__("add %0, %1, %1, asr #31\n\tasrs %0, %0, %2\n\tadc %0, %0, %3"
          : "=&r"(result)
          : "r"(value), "r"(shift), "r"(offset)
          : "cc");
  return result;
#else
  const int32_t moved = value + (value >> 31);
  const int32_t carry = (moved >> (shift - 1)) & 1;
  return WrappingAdd((moved >> shift) + carry, offset);
#endif
}

// Whether the activation clamps to less than int8.
inline bool Clamps(const TrainingConvOptions& options) {
  return options.activation_min != -128 || options.activation_max != 127;
}

// From an accumulator, bias included, to an int8 value, for a shift below 0; not clamped to less.
TFLM_TRAINING_INLINE int32_t RequantizeRight(int32_t value, int32_t multiplier, int shift,
                                             int32_t zero_point) {
  return Ssat<8>(RoundingDivideAndAdd(RoundingDoublingHigh(value, multiplier), -shift, zero_point));
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_REQUANTIZE_DSP_H_
