// The integer arithmetic of docs/arithmetic.md: bits, rshift, sat, 2^e and factors.
// Every function is pure, defined for all arguments stated, and uses no libm.
#ifndef KERNELS_CORE_FIXED_POINT_H_
#define KERNELS_CORE_FIXED_POINT_H_

#include <cstdint>
#include <cstring>

namespace tflm_training {

inline int32_t Min(int32_t a, int32_t b) { return a < b ? a : b; }
inline int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }
inline int32_t Clamp(int32_t value, int32_t low, int32_t high) {
  return Min(Max(value, low), high);
}

// The smallest b with value < 2^b: 0 for 0, 64 for 2^63 and more.
int Bits(uint64_t value);

// value / 2^shift, half up, for shift in 0..62 and |value| <= 2^62.
inline int64_t RoundingShift(int64_t value, int shift) {
  return shift == 0 ? value : (value + (int64_t{1} << (shift - 1))) >> shift;
}

// The same for any int32 value and any shift >= 0, without 64 bit and without overflow.
inline int32_t RoundingShift32(int32_t value, int shift) {
  if (shift == 0) return value;
  return shift > 31 ? 0 : (value >> shift) + ((value >> (shift - 1)) & 1);
}

// Largest mantissa of a gradient with `bits` bits, 1..15.
inline int32_t MantissaLimit(int bits) { return (int32_t{1} << bits) - 1; }

// value clamped to +-(2^bits - 1).
inline int32_t Saturate(int64_t value, int bits) {
  const int64_t limit = MantissaLimit(bits);
  return static_cast<int32_t>(value > limit ? limit : value < -limit ? -limit : value);
}

// 2^exponent, exact; exponents outside the normal floats, -126..127, are clamped to them.
float PowerOfTwo(int exponent);

// floor(65536 * log2(value)) to 16 fraction bits, for value >= 1.
inline int32_t Log2Q16(uint32_t value) {
  const int integer = Bits(value) - 1;
  uint32_t y = value << (31 - integer);
  int32_t result = integer;
  for (int i = 0; i < 16; ++i) {
    uint64_t square = static_cast<uint64_t>(y) * y;
    const auto carry = static_cast<int32_t>(square >> 63);
    if (carry == 0) square += square;
    y = static_cast<uint32_t>(square >> 32);
    result = 2 * result + carry;
  }
  return result;
}

// A factor that multiplies accumulators: multiplier * 2^-(32 + shift).
struct Factor {
  // A change of less than 2^-30 of a weight's LSB is left out.
  static constexpr int kMaxShift = 30;

  int32_t multiplier;  // in [2^30, 2^31)
  int shift;

  bool trains() const { return shift <= kMaxShift; }
  // Whether a step by it draws a random number.
  bool draws() const { return trains() && shift > 0; }
};

// Splits a float into a Factor, exactly. Zero, negative, subnormal and NaN give a factor
// that does not train; infinity gives one above every finite factor.
inline Factor DecomposeFactor(float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof(word));
  // An exponent of 0 gives a shift that does not train; a sign is above infinity as NaN is.
  constexpr uint32_t kInfinity = 0x7F800000u;
  return {static_cast<int32_t>(((word & 0x7FFFFFu) | 0x800000u) << 7),
          word <= kInfinity ? 125 - static_cast<int>(word >> 23) : Factor::kMaxShift + 1};
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_FIXED_POINT_H_
