// Rows of a filter times the inputs of four pixels, or of one.
#ifndef KERNELS_TRAINING_CONV_2D_MULTIPLY_DSP_H_
#define KERNELS_TRAINING_CONV_2D_MULTIPLY_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

// The accumulators of one output channel at four pixels. Members rather than an array: compilers
// keep them in registers.
struct Sums {
  int32_t a, b, c, d;

  template <typename Function>
  TFLM_TRAINING_INLINE void Apply(Function function) {
    a = function(a);
    b = function(b);
    c = function(c);
    d = function(d);
  }
};

// Four inputs of every pixel of a group: without the zero point, as [0, 2] and [1, 3].
struct Inputs {
  uint32_t even;
  uint32_t odd;
};

// Two words from an address that is a multiple of 4.
template <int kOffset>
TFLM_TRAINING_INLINE Inputs LoadInputs(const Inputs* patch) {
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)
  Inputs x;
  __asm__("ldrd %0, %1, [%2, %3]"
          : "=r"(x.even), "=r"(x.odd)
          : "r"(patch), "i"(kOffset * 8), "m"(patch[kOffset]));
  return x;
#else
  return patch[kOffset];
#endif
}

TFLM_TRAINING_INLINE void StoreInputs(Inputs x, Inputs* patch) {
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)
  __asm__("strd %1, %2, %0" : "=Q"(*patch) : "r"(x.even), "r"(x.odd));
#else
  *patch = x;
#endif
}

// The last count % 4 of `count` elements, `tail` the first of them. Where there are four or more
// it is the last four, so that nothing beyond them is read.
TFLM_TRAINING_NOINLINE inline uint32_t LoadTail(const int8_t* tail, int32_t count) {
  return count < 4 ? LoadBytes(tail, count) : LoadWord(tail + (count & 3) - 4);
}

// Four inputs less the zero point; `offset` is minus that in both halves.
TFLM_TRAINING_INLINE Inputs Unpack(uint32_t word, uint32_t offset) {
  return {Sxtab16(offset, word), Sxtab16Ror8(offset, word)};
}

// The same of what LoadTail gives: only the last count % 4 lanes count or, where that is all
// there is, the first; the others are 0.
TFLM_TRAINING_INLINE Inputs UnpackTail(const int8_t* tail, int32_t count, uint32_t offset) {
  const int32_t others = 32 - 8 * (count & 3);
  const uint32_t lanes = count < 4 ? ~0u >> others : ~0u << others;
  const Inputs x = Unpack(LoadTail(tail, count), offset);
  return {x.even & Sxtb16(lanes), x.odd & Sxtb16Ror8(lanes)};
}

// Adds the products of four weights and four inputs of one pixel.
TFLM_TRAINING_INLINE int32_t AddFour(Inputs x, uint32_t even, uint32_t odd, int32_t acc) {
  return Smlad(x.odd, odd, Smlad(x.even, even, acc));
}

template <int kOffset>
TFLM_TRAINING_INLINE void MultiplyFour(uint32_t weights, const Inputs* patch, Sums& acc) {
  const uint32_t even = Sxtb16(weights);
  const uint32_t odd = Sxtb16Ror8(weights);
  acc.a = AddFour(LoadInputs<kOffset>(patch), even, odd, acc.a);
  acc.b = AddFour(LoadInputs<kOffset + 1>(patch), even, odd, acc.b);
  acc.c = AddFour(LoadInputs<kOffset + 2>(patch), even, odd, acc.c);
  acc.d = AddFour(LoadInputs<kOffset + 3>(patch), even, odd, acc.d);
}

TFLM_TRAINING_INLINE void Multiply(const int8_t* weights, int32_t count, const Inputs* patch,
                                   Sums& acc) {
  for (const int8_t* const end = weights + (count & ~7); weights != end; weights += 8) {
    MultiplyFour<0>(LoadWord(weights), patch, acc);
    MultiplyFour<4>(LoadWord(weights + 4), patch, acc);
    patch += 8;
  }
  if ((count & 7) == 0) return;
  for (int32_t rest = count & 7; rest > 0; rest -= 4) {
    MultiplyFour<0>(rest < 4 ? LoadTail(weights, count) : LoadWord(weights), patch, acc);
    weights += 4;
    patch += 4;
  }
}

// Adds the products of four inputs and the weights of one output.
TFLM_TRAINING_INLINE int32_t AddWeights(Inputs x, uint32_t weights, int32_t acc) {
  return AddFour(x, Sxtb16(weights), Sxtb16Ror8(weights), acc);
}

// Adds to acc[0] and acc[1], two outputs of one pixel, whose rows of the filter lie `row` apart.
TFLM_TRAINING_INLINE void MultiplyPair(const int8_t* weights, int32_t row, int32_t count,
                                       const int8_t* values, uint32_t offset, int32_t* acc) {
  const int8_t* second = weights + row;
  int32_t a = acc[0];
  int32_t b = acc[1];
  for (const int8_t* const end = weights + (count & ~3); weights != end; weights += 4) {
    const Inputs x = Unpack(LoadWord(values), offset);
    a = AddWeights(x, LoadWord(weights), a);
    b = AddWeights(x, LoadWord(second), b);
    values += 4;
    second += 4;
  }
  for (int32_t rest = count & 3; rest > 0; --rest) {
    const int32_t x = *values++ + LowHalf(offset);
    a += x * *weights++;
    b += x * *second++;
  }
  acc[0] = a;
  acc[1] = b;
}

}  // namespace tflm_training

#endif  // KERNELS_TRAINING_CONV_2D_MULTIPLY_DSP_H_
