// GradientWriter of gradient.h for the Arm DSP extension: four mantissas at a time, as two
// words [m0, m2] and [m1, m3], the order in which SXTB16 unpacks four mask bytes.
#ifndef KERNELS_CORE_WRITE_GRADIENT_DSP_H_
#define KERNELS_CORE_WRITE_GRADIENT_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"

namespace tflm_training {

// rshift(value, shift) for any shift >= 0, exact wherever its magnitude is below 2^29 and of
// at least that magnitude elsewhere: to be saturated to at most 16 bits afterwards.
class SaturatingRoundingShift {
 public:
  // SMMULR is a rounding shift by 2..32; below that the value is first multiplied by 4.
  explicit SaturatingRoundingShift(int shift)
      : quadruples_(shift < 2),
        multiplier_(shift > 31 ? 0 : int32_t{1} << (32 - shift - (quadruples_ ? 2 : 0))) {}

  int32_t operator()(int32_t value) const {
    if (quadruples_) {
      value = Qadd(value, value);
      value = Qadd(value, value);
    }
    return Smmulr(value, multiplier_);
  }

 private:
  bool quadruples_;
  int32_t multiplier_;
};

// Clamps, masks and writes the mantissas of one gradient and keeps their maximum.
class PackedGradientWriter {
 public:
  // Mantissas are clamped to `bits` bits, 1..15 and at most 7 for int8.
  PackedGradientWriter(MutableMantissas gradient, ActivationMask mask, int bits)
      : gradient_(gradient),
        mask_(mask),
        bits_(bits),
        above_(BothHalves(INT16_MAX - MantissaLimit(bits))),
        below_(BothHalves(-(INT16_MIN + MantissaLimit(bits)))),
        // No byte lies in [127, -128].
        low_(AllBytes(IsEmpty(mask) ? 127 : Max(mask.low, -129) + 1)),
        high_(AllBytes(IsEmpty(mask) ? -128 : Min(mask.high, 128) - 1)) {}

  // Writes count mantissas, saturated shift(acc[i]), from `index` on.
  void Write(int32_t index, const int32_t* acc, int32_t count,
             const SaturatingRoundingShift& shift) {
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
      Write4(index + i, shift(acc[i]), shift(acc[i + 1]), shift(acc[i + 2]), shift(acc[i + 3]));
    }
    for (; i < count; ++i) Write1(index + i, shift(acc[i]));
  }

  // One mantissa, or the four from `index` on.
  void Write1(int32_t index, int32_t value) {
    const int32_t mantissa = mask_.Hides(index) ? 0 : Saturate(value, bits_);
    gradient_.Set(index, mantissa);
    KeepExtremes(BothHalves(mantissa));
  }
  void Write4(int32_t index, int32_t m0, int32_t m1, int32_t m2, int32_t m3) {
    uint32_t m02 = Clamp(PkhbtLsl16(Ssat<16>(m0), Ssat<16>(m2)));
    uint32_t m13 = Clamp(PkhbtLsl16(Ssat<16>(m1), Ssat<16>(m3)));
    if (mask_.values != nullptr || mask_.bits != nullptr) {
      const uint32_t passing = PassingBytes(index);
      m02 &= Sxtb16(passing);
      m13 &= Sxtb16Ror8(passing);
    }
    KeepExtremes(m02);
    KeepExtremes(m13);
    gradient_.Set4(index, m02, m13);
  }

  int32_t max_abs() const {
    return Max(Max(LowHalf(max_), HighHalf(max_)), -Min(LowHalf(min_), HighHalf(min_)));
  }

 private:
  static bool IsEmpty(const ActivationMask& mask) { return mask.low >= 127 || mask.high <= -128; }

  // To +-MantissaLimit(bits): what saturates on the way up or down.
  uint32_t Clamp(uint32_t mantissas) const {
    mantissas = Qsub16(Qadd16(mantissas, above_), above_);
    return Qadd16(Qsub16(mantissas, below_), below_);
  }

  void KeepExtremes(uint32_t mantissas) {
    max_ = Ssub16Sel(max_, mantissas, max_, mantissas);
    min_ = Ssub16Sel(min_, mantissas, mantissas, min_);
  }

  // -1 for each of four mantissas that passes the mask, else 0.
  uint32_t PassingBytes(int32_t index) const {
    if (mask_.values != nullptr) {
      const uint32_t values = LoadWord(mask_.values + index);
      return Ssub8Sel(values, low_, Ssub8Sel(high_, values, ~0u, 0), 0);
    }
    uint32_t bits = mask_.bits[index / 8];
    if (index % 8 > 4) bits |= static_cast<uint32_t>(mask_.bits[index / 8 + 1]) << 8;
    // Bits 0..3 to the low bits of the four bytes, without carries: 7 * i + i = 8 * i.
    return (((bits >> (index % 8)) & 15u) * 0x204081u & 0x1010101u) * 0xFFu;
  }

  MutableMantissas gradient_;
  ActivationMask mask_;
  int bits_;
  uint32_t above_;
  uint32_t below_;
  uint32_t low_;
  uint32_t high_;
  uint32_t max_ = 0;
  uint32_t min_ = 0;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_WRITE_GRADIENT_DSP_H_
