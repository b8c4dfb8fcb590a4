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

// The accumulators of one output channel at four pixels, or at one. Members rather than an
// array: compilers keep them in registers.
template <int kPixels>
struct Sums;

template <>
struct Sums<4> {
  int32_t a, b, c, d;

  TFLM_TRAINING_INLINE void Fill(int32_t value) { a = b = c = d = value; }
  TFLM_TRAINING_INLINE void Load(const Sums& other) {
    a = other.a;
    b = other.b;
    c = other.c;
    d = other.d;
  }
  template <typename Function>
  TFLM_TRAINING_INLINE void Apply(Function function) {
    a = function(a);
    b = function(b);
    c = function(c);
    d = function(d);
  }
};

template <>
struct Sums<1> {
  int32_t a;

  TFLM_TRAINING_INLINE void Fill(int32_t value) { a = value; }
  TFLM_TRAINING_INLINE void Load(const Sums& other) { a = other.a; }
  template <typename Function>
  TFLM_TRAINING_INLINE void Apply(Function function) {
    a = function(a);
  }
};

// The output side of the options.
struct OutputRange {
  explicit OutputRange(const TrainingConvOptions& options)
      : zero_point(options.output_zero_point),
        low(options.activation_min),
        high(options.activation_max),
        clamps(low != -128 || high != 127) {}

  int32_t zero_point;
  int32_t low;
  int32_t high;
  bool clamps;  // to less than int8
};

// From accumulators, bias included, to int8 values, in place.
template <int kPixels>
TFLM_TRAINING_INLINE void RequantizeChannel(const OutputRange& range, int32_t multiplier, int shift,
                                     Sums<kPixels>& acc) {
  const int32_t zero_point = range.zero_point;
  if (shift < 0) {
    acc.Apply([=](int32_t value) {
      return Ssat<8>(
          RoundingDivideAndAdd(RoundingDoublingHigh(value, multiplier), -shift, zero_point));
    });
  } else {
    acc.Apply([=](int32_t value) {
      const auto shifted = static_cast<int32_t>(static_cast<uint32_t>(value) << shift);
      return Ssat<8>(WrappingAdd(RoundingDoublingHigh(shifted, multiplier), zero_point));
    });
  }
  if (!range.clamps) return;
  const int32_t low = range.low;
  const int32_t high = range.high;
  acc.Apply([=](int32_t value) { return Clamp(value, low, high); });
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_REQUANTIZE_DSP_H_
