// Mantissas four at a time, as words [m0, m2] and [m1, m3] of int16: what SXTB16 makes of four
// bytes. The parts of a writer, for kernels that keep its state in registers over a row.
#ifndef KERNELS_CORE_QUAD_DSP_H_
#define KERNELS_CORE_QUAD_DSP_H_

#include <cstdint>

#include "kernels/core/activation_mask.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/mantissas.h"

namespace tflm_training {

struct Quad {
  uint32_t even;
  uint32_t odd;
};

// An ActivationMask that is applied to four mantissas at a time.
class QuadMask {
 public:
  explicit QuadMask(const ActivationMask& mask);

  const int8_t* values() const { return values_; }
  const uint8_t* bits() const { return bits_; }
  // Of both halves: a value v passes if v + offset() is at most span(), unsigned.
  uint32_t offset() const { return offset_; }
  uint32_t span() const { return span_; }

  // The mantissas whose saved activations are given, 0 where they are hidden.
  TFLM_TRAINING_INLINE Quad ApplyValues(const int8_t* values, Quad quad) const {
    const uint32_t word = LoadWord(values);
    return {Usub16Sel(span_, Sxtab16(offset_, word), quad.even, 0),
            Usub16Sel(span_, Sxtab16Ror8(offset_, word), quad.odd, 0)};
  }

  // The mantissas of elements index.. index + 3, 0 where they are hidden.
  TFLM_TRAINING_INLINE Quad Apply(int32_t index, Quad quad) const {
    if (values_ != nullptr) return ApplyValues(values_ + index, quad);
    if (bits_ != nullptr) {
      const uint8_t* byte = bits_ + (index >> 3);
      const int first = index & 7;
      uint32_t bits = *byte;
      if (first > 4) bits |= static_cast<uint32_t>(byte[1]) << 8;
      bits >>= first;
      bits |= bits << 14;
      const uint32_t even = bits & 0x10001u;
      const uint32_t odd = (bits >> 1) & 0x10001u;
      return {quad.even & ((even << 16) - even), quad.odd & ((odd << 16) - odd)};
    }
    return quad;
  }

 private:
  const int8_t* values_;
  const uint8_t* bits_;
  uint32_t offset_;
  uint32_t span_;
};

// The largest and the smallest mantissa of all seen, and 0.
class QuadRange {
 public:
  TFLM_TRAINING_INLINE void Add(Quad quad) {
    const uint32_t high = Ssub16Sel(quad.even, quad.odd, quad.even, quad.odd);
    const uint32_t low = Ssub16Sel(quad.even, quad.odd, quad.odd, quad.even);
    largest_ = Ssub16Sel(largest_, high, largest_, high);
    smallest_ = Ssub16Sel(low, smallest_, smallest_, low);
  }

  int32_t max_abs() const;

  // Clamps all that was seen, `elements` of a gradient, to `bits` bits if that is needed, which a
  // bound that is right rules out but for the last rounding. Returns the maximum.
  int32_t Clamp(MutableMantissas gradient, int32_t elements, int bits);

 private:
  uint32_t largest_ = 0;
  uint32_t smallest_ = 0;
};

// rshift(value, shift), shift >= 0, of int32: exact below 2^29 and at least as large as that above,
// to be saturated to 16 bits or less afterwards.
class QuadShift {
 public:
  // SMMULR shifts by 2..32. For less, the value is multiplied by 4 first.
  explicit QuadShift(int shift)
      : quadruples_(shift < 2),
        multiplier_(shift > 31 ? 0 : int32_t{1} << (32 - shift - (quadruples_ ? 2 : 0))) {}

  // To be called once for all values before they are shifted.
  void Prepare(int32_t* values, int32_t count) const {
    if (quadruples_) Quadruple(values, count);
  }
  TFLM_TRAINING_INLINE int32_t operator()(int32_t value) const {
    return Smmulr(value, multiplier_);
  }
  int32_t multiplier() const { return multiplier_; }

 private:
  static void Quadruple(int32_t* values, int32_t count);

  bool quadruples_;
  int32_t multiplier_;
};

// Four values, saturated to int16; -32768 may come out.
TFLM_TRAINING_INLINE Quad SaturatedQuad(int32_t m0, int32_t m1, int32_t m2, int32_t m3) {
  return {PkhbtLsl16(static_cast<uint32_t>(Ssat<16>(m0)), static_cast<uint32_t>(Ssat<16>(m2))),
          PkhbtLsl16(static_cast<uint32_t>(Ssat<16>(m1)), static_cast<uint32_t>(Ssat<16>(m3)))};
}

TFLM_TRAINING_INLINE Quad LoadQuad(const int16_t* mantissas) {
  const uint32_t low = LoadWord(mantissas);
  const uint32_t high = LoadWord(mantissas + 2);
  return {PkhbtLsl16(low, high), PkhtbAsr16(high, low)};
}
TFLM_TRAINING_INLINE Quad LoadQuad(const int8_t* mantissas) {
  const uint32_t word = LoadWord(mantissas);
  return {Sxtb16(word), Sxtb16Ror8(word)};
}

TFLM_TRAINING_INLINE Quad LoadQuad(Mantissas mantissas) {
  return mantissas.is_int8() ? LoadQuad(mantissas.int8()) : LoadQuad(mantissas.int16());
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_QUAD_DSP_H_
