// GradientWriter of gradient.h for the Arm DSP extension: four mantissas at a time, as two
// words [m0, m2] and [m1, m3], the order in which SXTB16 unpacks four mask bytes.
#ifndef KERNELS_CORE_WRITE_GRADIENT_DSP_H_
#define KERNELS_CORE_WRITE_GRADIENT_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"

namespace tflm_training {

// Clamps, masks and writes the mantissas of one gradient and keeps their maximum.
class PackedGradientWriter {
 public:
  // Mantissas are rshift(acc, shift), shift >= 0, clamped to `bits` bits, 1..15 and at most 7
  // for int8.
  // `mask` has to live as long as the writer.
  PackedGradientWriter(MutableMantissas gradient, const ActivationMask& mask, int shift,
                       int bits)
      : gradient_(gradient),
        mask_(mask),
        quadruples_(shift < 2),
        multiplier_(shift > 31 ? 0 : int32_t{1} << (32 - shift - (quadruples_ ? 2 : 0))),
        bits_(bits),
        above_(BothHalves(INT16_MAX - MantissaLimit(bits))),
        below_(BothHalves(-(INT16_MIN + MantissaLimit(bits)))),
        // No byte lies in [127, -128].
        low_(AllBytes(IsEmpty(mask) ? 127 : Max(mask.low, -129) + 1)),
        high_(AllBytes(IsEmpty(mask) ? -128 : Min(mask.high, 128) - 1)) {}

  // Writes `count` mantissas from `index` on; the accumulators are used up.
  __attribute__((noinline)) void Write(int32_t index, int32_t* acc, int32_t count) {
    // SMMULR is a rounding shift by 2..32. For less, 4 * acc is shifted by 2 more: where that
    // saturates, the mantissa does.
    if (quadruples_) {
      for (int32_t i = 0; i < count; ++i) {
        acc[i] = Qadd(acc[i], acc[i]);
        acc[i] = Qadd(acc[i], acc[i]);
      }
    }
    // Three short loops: one would need more registers than there are.
    // Four bits of a bit mask have to come from one byte.
    const int32_t whole = mask_.bits != nullptr && index % 4 != 0 ? 0 : count & ~3;
    auto* words = reinterpret_cast<uint32_t*>(acc);
    Round(acc, words, whole);
    if (mask_.values != nullptr) {
      Mask(index, words, whole, [this](uint32_t i) { return PassingValues(i); });
    } else if (mask_.bits != nullptr) {
      Mask(index, words, whole, [this](uint32_t i) { return PassingBits(i); });
    }
    Store(index, words, whole);
    for (int32_t i = whole; i < count; ++i) Write1(index + i, acc[i]);
  }

  int32_t max_abs() const {
    return Max(Max(LowHalf(max_), HighHalf(max_)), -Min(LowHalf(min_), HighHalf(min_)));
  }

 private:
  void Write1(int32_t index, int32_t acc) {
    const int32_t mantissa =
        mask_.Hides(index) ? 0 : Saturate(Smmulr(acc, multiplier_), bits_);
    gradient_.Set(index, mantissa);
    const uint32_t both = BothHalves(mantissa);
    max_ = Ssub16Sel(max_, both, max_, both);
    min_ = Ssub16Sel(min_, both, both, min_);
  }
  // words[0], words[1] = [m0, m2], [m1, m3] of acc[0..3], clamped, for every four of `count`.
  // Both may be the same memory.
  void Round(const int32_t* acc, uint32_t* words, int32_t count) const {
    const int32_t multiplier = multiplier_;
    const uint32_t above = above_;
    const uint32_t below = below_;
    const auto mantissas = [=](int32_t low, int32_t high) {
      const uint32_t both =
          PkhbtLsl16(static_cast<uint32_t>(Ssat<16>(Smmulr(low, multiplier))),
                     static_cast<uint32_t>(Ssat<16>(Smmulr(high, multiplier))));
      // To +-MantissaLimit(bits) by what saturates on the way up or down.
      return Qadd16(Qsub16(Qsub16(Qadd16(both, above), above), below), below);
    };
    for (const int32_t* end = acc + count; acc != end; acc += 4) {
      StoreWords<0>(words, mantissas(acc[0], acc[2]), mantissas(acc[1], acc[3]));
      words += 4;
    }
  }

  // passing(index): -1 in the bytes of those of four mantissas that pass, else 0.
  template <typename Passing>
  static void Mask(int32_t index, uint32_t* words, int32_t count, Passing passing) {
    auto i = static_cast<uint32_t>(index);
    for (const uint32_t* end = words + count; words != end; words += 4) {
      const uint32_t bytes = passing(i);
      StoreWords<0>(words, words[0] & Sxtb16(bytes), words[1] & Sxtb16Ror8(bytes));
      i += 4;
    }
  }

  void Store(int32_t index, const uint32_t* words, int32_t count) {
    const MutableMantissas gradient = gradient_;
    uint32_t high = max_;
    uint32_t low = min_;
    for (const uint32_t* end = words + count; words != end; words += 4) {
      const uint32_t m02 = words[0];
      const uint32_t m13 = words[1];
      high = Ssub16Sel(high, m02, high, m02);
      high = Ssub16Sel(high, m13, high, m13);
      low = Ssub16Sel(low, m02, m02, low);
      low = Ssub16Sel(low, m13, m13, low);
      gradient.Set4(index, m02, m13);
      index += 4;
    }
    max_ = high;
    min_ = low;
  }

  static bool IsEmpty(const ActivationMask& mask) { return mask.low >= 127 || mask.high <= -128; }

  uint32_t PassingValues(uint32_t index) const {
    const uint32_t values = LoadWord(mask_.values + index);
    return Ssub8Sel(values, low_, Ssub8Sel(high_, values, ~0u, 0), 0);
  }
  uint32_t PassingBits(uint32_t index) const {
    const uint32_t bits = static_cast<uint32_t>(mask_.bits[index / 8]) >> (index & 4);
    // Bits 0..3 to the low bits of the four bytes, without carries: 7 * i + i = 8 * i.
    return ((bits & 15u) * 0x204081u & 0x1010101u) * 0xFFu;
  }

  MutableMantissas gradient_;
  const ActivationMask& mask_;
  bool quadruples_;
  int32_t multiplier_;
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
