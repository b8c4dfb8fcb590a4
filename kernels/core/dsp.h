// Instructions of the Arm DSP extension (Cortex-M4, M7, M33, ...), each under its own name, with
// a plain C++ equivalent for other processors: what is written with them can be tested on any
// host. Meanings: Armv7-M Architecture Reference Manual, section A7.7.
//
// A word holds two int16 lanes (low half first) or four int8 lanes (low byte first). Sums that
// have no Q in their name wrap as the instructions do.
#ifndef KERNELS_CORE_DSP_H_
#define KERNELS_CORE_DSP_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/inner_loop_dsp.h"

// 1 where kernels are compiled from <room>_dsp.cc, 0 where from the reference, which is the
// meaning of both. TFLM_TRAINING_EMULATE_DSP compiles the former for any processor.
#if defined(TFLM_TRAINING_EMULATE_DSP) || \
    (defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_REFERENCE_KERNELS))
#define TFLM_TRAINING_DSP_KERNELS 1
#else
#define TFLM_TRAINING_DSP_KERNELS 0
#endif

namespace tflm_training {

// Four bytes, or two int16, from an address of any alignment. Not for volatile memory.
inline uint32_t LoadWord(const void* address) {
  uint32_t word;
  memcpy(&word, address, sizeof(word));
  return word;
}

// The first `count` bytes, or the first four; for each that is left out 0.
TFLM_TRAINING_SMALL inline uint32_t LoadBytes(const int8_t* address, int32_t count) {
  if (count >= 4) return LoadWord(address);
  uint32_t word = 0;
  for (; count > 0; --count) word = word << 8 | static_cast<uint8_t>(address[count - 1]);
  return word;
}

inline void StoreWord(void* address, uint32_t word) { memcpy(address, &word, sizeof(word)); }

// The lanes of a word, sign-extended.
inline int32_t LowHalf(uint32_t word) { return static_cast<int16_t>(word); }
inline int32_t HighHalf(uint32_t word) { return static_cast<int16_t>(word >> 16); }

// One value in both halves, or in all four bytes.
inline uint32_t BothHalves(int32_t value) {
  return (static_cast<uint32_t>(value) & 0xFFFFu) * 0x10001u;
}
inline uint32_t AllBytes(int32_t value) {
  return (static_cast<uint32_t>(value) & 0xFFu) * 0x1010101u;
}

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

#define TFLM_TRAINING_DSP_2(Name, instruction, Result, A, B)         \
  inline Result Name(A a, B b) {                                     \
    Result result;                                                   \
    __asm__(instruction : "=r"(result) : "r"(a), "r"(b));            \
    return result;                                                   \
  }
#define TFLM_TRAINING_DSP_3(Name, instruction, A, B)                 \
  inline int32_t Name(A a, B b, int32_t c) {                         \
    int32_t result;                                                  \
    __asm__(instruction : "=r"(result) : "r"(a), "r"(b), "r"(c));    \
    return result;                                                   \
  }

TFLM_TRAINING_DSP_3(Smlad, "smlad %0, %1, %2, %3", uint32_t, uint32_t)
TFLM_TRAINING_DSP_3(Smlabb, "smlabb %0, %1, %2, %3", uint32_t, uint32_t)
TFLM_TRAINING_DSP_3(Smlabt, "smlabt %0, %1, %2, %3", uint32_t, uint32_t)
TFLM_TRAINING_DSP_3(Smlatb, "smlatb %0, %1, %2, %3", uint32_t, uint32_t)
TFLM_TRAINING_DSP_3(Smlatt, "smlatt %0, %1, %2, %3", uint32_t, uint32_t)
TFLM_TRAINING_DSP_3(Smmla, "smmla %0, %1, %2, %3", int32_t, int32_t)
TFLM_TRAINING_DSP_2(Smmulr, "smmulr %0, %1, %2", int32_t, int32_t, int32_t)
TFLM_TRAINING_DSP_2(Sxtab16, "sxtab16 %0, %1, %2", uint32_t, uint32_t, uint32_t)
TFLM_TRAINING_DSP_2(Sxtab16Ror8, "sxtab16 %0, %1, %2, ror #8", uint32_t, uint32_t, uint32_t)
TFLM_TRAINING_DSP_2(PkhbtLsl16, "pkhbt %0, %1, %2, lsl #16", uint32_t, uint32_t, uint32_t)
TFLM_TRAINING_DSP_2(PkhtbAsr16, "pkhtb %0, %1, %2, asr #16", uint32_t, uint32_t, uint32_t)
TFLM_TRAINING_DSP_2(Qadd, "qadd %0, %1, %2", int32_t, int32_t, int32_t)
TFLM_TRAINING_DSP_2(Qsub, "qsub %0, %1, %2", int32_t, int32_t, int32_t)
TFLM_TRAINING_DSP_2(Qadd8, "qadd8 %0, %1, %2", uint32_t, uint32_t, uint32_t)
TFLM_TRAINING_DSP_2(Qsub8, "qsub8 %0, %1, %2", uint32_t, uint32_t, uint32_t)

#undef TFLM_TRAINING_DSP_2
#undef TFLM_TRAINING_DSP_3

inline uint32_t Sxtb16(uint32_t a) {
  uint32_t result;
  __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(a));
  return result;
}

inline uint32_t Sxtb16Ror8(uint32_t a) {
  uint32_t result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(a));
  return result;
}

inline uint32_t Uxtb16(uint32_t a) {
  uint32_t result;
  __asm__("uxtb16 %0, %1" : "=r"(result) : "r"(a));
  return result;
}

template <int kBits>
inline int32_t Ssat(int32_t a) {
  int32_t result;
  __asm__("ssat %0, %1, %2" : "=r"(result) : "I"(kBits), "r"(a));
  return result;
}

template <int kBits>
inline uint32_t Ssat16(uint32_t a) {
  uint32_t result;
  __asm__("ssat16 %0, %1, %2" : "=r"(result) : "I"(kBits), "r"(a));
  return result;
}

template <int kOffset>
inline void StoreWords(uint32_t* address, uint32_t a, uint32_t b) {
  __asm__ volatile("strd %1, %2, [%0, %3]" ::"r"(address), "r"(a), "r"(b), "I"(4 * kOffset)
                   : "memory");
}

inline uint32_t Ssub16Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  uint32_t result;
  __asm__("ssub16 %0, %1, %2\n\tsel %0, %3, %4"
          : "=&r"(result)
          : "r"(a), "r"(b), "r"(yes), "r"(no));
  return result;
}

inline uint32_t Ssub8Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %3, %4"
          : "=&r"(result)
          : "r"(a), "r"(b), "r"(yes), "r"(no));
  return result;
}

inline uint32_t Usub16Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  uint32_t result;
  __asm__("usub16 %0, %1, %2\n\tsel %0, %3, %4"
          : "=&r"(result)
          : "r"(a), "r"(b), "r"(yes), "r"(no));
  return result;
}

#else

namespace dsp {

inline int32_t Wrap(int64_t value) { return static_cast<int32_t>(static_cast<uint32_t>(value)); }

inline int64_t Saturate(int64_t value, int bits) {
  const int64_t limit = int64_t{1} << (bits - 1);
  return value >= limit ? limit - 1 : value < -limit ? -limit : value;
}

inline int64_t Lane(uint32_t word, int lane, int bits) {
  const int64_t value = (word >> (lane * bits)) & ((uint32_t{1} << bits) - 1);
  return value >> (bits - 1) != 0 ? value - (int64_t{1} << bits) : value;
}

// Applies operation(a, b) to every lane of kBits bits.
template <int kBits, typename Operation>
uint32_t Lanes(uint32_t a, uint32_t b, Operation operation) {
  uint32_t result = 0;
  for (int lane = 0; lane < 32 / kBits; ++lane) {
    const int64_t value = operation(Lane(a, lane, kBits), Lane(b, lane, kBits));
    result |= (static_cast<uint32_t>(value) & ((uint32_t{1} << kBits) - 1)) << (lane * kBits);
  }
  return result;
}

template <int kBits>
uint32_t QaddLanes(uint32_t a, uint32_t b) {
  return Lanes<kBits>(a, b, [](int64_t x, int64_t y) { return Saturate(x + y, kBits); });
}

template <int kBits>
uint32_t QsubLanes(uint32_t a, uint32_t b) {
  return Lanes<kBits>(a, b, [](int64_t x, int64_t y) { return Saturate(x - y, kBits); });
}

template <int kBits>
uint32_t Select(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  const uint32_t ge =
      Lanes<kBits>(a, b, [](int64_t x, int64_t y) { return int64_t{x >= y ? -1 : 0}; });
  return (yes & ge) | (no & ~ge);
}

}  // namespace dsp

// c + a.low * b.low + a.high * b.high
inline int32_t Smlad(uint32_t a, uint32_t b, int32_t c) {
  return dsp::Wrap(int64_t{c} + LowHalf(a) * LowHalf(b) + int64_t{HighHalf(a) * HighHalf(b)});
}
// c + a.<low, high> * b.<low, high>
inline int32_t Smlabb(uint32_t a, uint32_t b, int32_t c) {
  return dsp::Wrap(int64_t{c} + LowHalf(a) * LowHalf(b));
}
inline int32_t Smlabt(uint32_t a, uint32_t b, int32_t c) {
  return dsp::Wrap(int64_t{c} + LowHalf(a) * HighHalf(b));
}
inline int32_t Smlatb(uint32_t a, uint32_t b, int32_t c) {
  return dsp::Wrap(int64_t{c} + HighHalf(a) * LowHalf(b));
}
inline int32_t Smlatt(uint32_t a, uint32_t b, int32_t c) {
  return dsp::Wrap(int64_t{c} + HighHalf(a) * HighHalf(b));
}
// (a * b) / 2^32, rounded half up
inline int32_t Smmulr(int32_t a, int32_t b) {
  return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 31)) >> 32);
}
// c + (a * b) / 2^32, rounded down
inline int32_t Smmla(int32_t a, int32_t b, int32_t c) {
  return dsp::Wrap(c + ((int64_t{a} * b) >> 32));
}
// Bytes 0 and 2, sign-extended to two halves; Ror8: bytes 1 and 3.
inline uint32_t Sxtb16(uint32_t a) {
  const auto low = static_cast<uint32_t>(dsp::Lane(a, 0, 8));
  return (low & 0xFFFFu) | static_cast<uint32_t>(dsp::Lane(a, 2, 8)) << 16;
}
inline uint32_t Sxtb16Ror8(uint32_t a) { return Sxtb16(a >> 8); }
// Bytes 0 and 2, zero-extended.
inline uint32_t Uxtb16(uint32_t a) { return a & 0x00FF00FFu; }
// a + Sxtb16(b), halves on their own
inline uint32_t Sxtab16(uint32_t a, uint32_t b) {
  return dsp::Lanes<16>(a, Sxtb16(b), [](int64_t x, int64_t y) { return x + y; });
}
inline uint32_t Sxtab16Ror8(uint32_t a, uint32_t b) { return Sxtab16(a, b >> 8); }
// [a.low, b.low]
inline uint32_t PkhbtLsl16(uint32_t a, uint32_t b) { return (a & 0xFFFFu) | b << 16; }
// [b.high, a.high]
inline uint32_t PkhtbAsr16(uint32_t a, uint32_t b) { return (a & 0xFFFF0000u) | b >> 16; }
// a + b, a - b, saturated: of words, of halves, of bytes
inline int32_t Qadd(int32_t a, int32_t b) {
  return static_cast<int32_t>(dsp::Saturate(int64_t{a} + b, 32));
}
inline int32_t Qsub(int32_t a, int32_t b) {
  return static_cast<int32_t>(dsp::Saturate(int64_t{a} - b, 32));
}
inline uint32_t Qadd8(uint32_t a, uint32_t b) { return dsp::QaddLanes<8>(a, b); }
inline uint32_t Qsub8(uint32_t a, uint32_t b) { return dsp::QsubLanes<8>(a, b); }
// a as the nearest of kBits bits, sign included; of both halves
template <int kBits>
inline int32_t Ssat(int32_t a) {
  return static_cast<int32_t>(dsp::Saturate(a, kBits));
}
template <int kBits>
inline uint32_t Ssat16(uint32_t a) {
  return dsp::Lanes<16>(a, 0, [](int64_t x, int64_t) { return dsp::Saturate(x, kBits); });
}
// Two words at once, from address[kOffset] on, kOffset in 0..255
template <int kOffset>
inline void StoreWords(uint32_t* address, uint32_t a, uint32_t b) {
  address[kOffset] = a;
  address[kOffset + 1] = b;
}
// Lane by lane: a >= b ? yes : no, signed
inline uint32_t Ssub16Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  return dsp::Select<16>(a, b, yes, no);
}
inline uint32_t Ssub8Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  return dsp::Select<8>(a, b, yes, no);
}
// The same, unsigned
inline uint32_t Usub16Sel(uint32_t a, uint32_t b, uint32_t yes, uint32_t no) {
  return dsp::Select<16>(a ^ 0x80008000u, b ^ 0x80008000u, yes, no);
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_CORE_DSP_H_
