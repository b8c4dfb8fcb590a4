// The product that the convolution gradients share, for the Arm DSP extension:
//
//   acc[n][c] += sum over k of coefficient[n][k] * (rows[k][c] + offset)
//
// SMLAD multiplies two int16 of one word with two of another, so rows are taken in pairs: four
// channels of two rows become four words, one a channel, [row 2k, row 2k + 1]. That costs 10
// instructions for 8 values and is done once for all columns n.
#ifndef KERNELS_CORE_MULTIPLY_ROWS_DSP_H_
#define KERNELS_CORE_MULTIPLY_ROWS_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

// Pairs of rows that are multiplied at a time.
constexpr int32_t kPackedPairs = 32;

// Words that hold `count` int16 in pairs.
inline int32_t PairsOf(int32_t count) { return (count + 1) / 2; }

// Four channels of a pair of rows as four words of two rows' values each, offsets added:
// packed[c] = [first[c], second[c]].
inline void PackPair(uint32_t first, uint32_t second, uint32_t offsets, uint32_t* packed) {
  const uint32_t channels_01 = PkhbtLsl16(first, second);
  const uint32_t channels_23 = PkhtbAsr16(second, first);
  StoreWords<0>(packed, Sxtab16(offsets, channels_01), Sxtab16Ror8(offsets, channels_01));
  StoreWords<2>(packed, Sxtab16(offsets, channels_23),
                        Sxtab16Ror8(offsets, channels_23));
}

// packed[k] = the first four channels, or as many as there are, of rows 2k and 2k + 1. A last
// odd row stands for both of its pair.
TFLM_TRAINING_SMALL inline void PackAnyRows(const int8_t* rows, int32_t row_stride,
                                            int32_t row_count, int32_t channels,
                                            uint32_t offsets, uint32_t* packed) {
  for (; row_count > 0; row_count -= 2) {
    const int8_t* next = row_count > 1 ? rows + row_stride : rows;
    PackPair(LoadBytes(rows, channels), LoadBytes(next, channels), offsets, packed);
    rows = next + row_stride;
    packed += 4;
  }
}

// Four channels of 2 * pairs rows: packed[k] = those of rows 2k and 2k + 1; pairs is 1 or more.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

// 11 instructions for a pair; compilers do not store four words by one. An odd number begins in the
// middle of the loop.
__attribute__((naked, noinline)) inline void PackPairs(const int8_t* /*rows*/,
                                                       int32_t /*row_stride*/, int32_t /*pairs*/,
                                                       uint32_t /*offsets*/,
                                                       uint32_t* /*packed*/) {
  __asm__(
      "push {r4-r9}\n"
      "ldr r12, [sp, #24]\n"
      "lsrs r2, r2, #1\n"
      "bcs 2f\n"
      "1: subs r2, #1\n"
      "ldr r4, [r0]\n"
      "ldr r5, [r0, r1]\n"
      "add r0, r0, r1, lsl #1\n"
      "pkhbt r7, r4, r5, lsl #16\n"
      "pkhtb r9, r5, r4, asr #16\n"
      "sxtab16 r6, r3, r7\n"
      "sxtab16 r7, r3, r7, ror #8\n"
      "sxtab16 r8, r3, r9\n"
      "sxtab16 r9, r3, r9, ror #8\n"
      "stm r12!, {r6-r9}\n"
      "2: ldr r4, [r0]\n"
      "ldr r5, [r0, r1]\n"
      "add r0, r0, r1, lsl #1\n"
      "pkhbt r7, r4, r5, lsl #16\n"
      "pkhtb r9, r5, r4, asr #16\n"
      "sxtab16 r6, r3, r7\n"
      "sxtab16 r7, r3, r7, ror #8\n"
      "sxtab16 r8, r3, r9\n"
      "sxtab16 r9, r3, r9, ror #8\n"
      "stm r12!, {r6-r9}\n"
      "cmp r2, #0\n"
      "bne 1b\n"
      "pop {r4-r9}\n"
      "bx lr\n");
}

#else

inline void PackPairs(const int8_t* rows, int32_t row_stride, int32_t pairs, uint32_t offsets,
                      uint32_t* packed) {
  for (int32_t k = 0; k < pairs; ++k, rows += 2 * row_stride) {
    PackPair(LoadWord(rows), LoadWord(rows + row_stride), offsets, packed + 4 * k);
  }
}

#endif

// PackAnyRows, most of it four channels of a pair at a time.
TFLM_TRAINING_INLINE void PackRows(const int8_t* rows, int32_t row_stride, int32_t row_count,
                                   int32_t channels, uint32_t offsets, uint32_t* packed) {
  if (channels >= 4 && row_count > 1) {
    PackPairs(rows, row_stride, row_count / 2, offsets, packed);
    if (row_count % 2 == 0) return;
    rows += (row_count - 1) * row_stride;
    packed += 2 * (row_count - 1);
    row_count = 1;
  }
  PackAnyRows(rows, row_stride, row_count, channels, offsets, packed);
}

// acc[c] += sum over pairs of packed[k][c] * coefficients[2 * k] for c in [0, 4).
TFLM_TRAINING_NOINLINE inline void MultiplyOneColumn(const uint32_t* packed,
                                                     const uint32_t* coefficients,
                                                     int32_t pairs, int32_t* acc) {
  int32_t s0 = acc[0], s1 = acc[1], s2 = acc[2], s3 = acc[3];
  for (; pairs > 0; --pairs) {
    s0 = Smlad(packed[0], *coefficients, s0);
    s1 = Smlad(packed[1], *coefficients, s1);
    s2 = Smlad(packed[2], *coefficients, s2);
    s3 = Smlad(packed[3], *coefficients, s3);
    packed += 4;
    coefficients += 2;
  }
  acc[0] = s0, acc[1] = s1, acc[2] = s2, acc[3] = s3;
}

// The same for 2 * column_pairs columns, coefficients [column_pairs][pairs][2] and accumulators
// `acc_stride` apart; pairs and column_pairs are 1 or more.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

// Eight sums, two values, two coefficients and two addresses take all registers that there are,
// and compilers run out of them: 11 instructions for 16 products and 3 for eight pairs. Pairs
// that are no eight come first, by a jump into the loop.
__attribute__((naked, noinline)) inline void MultiplyColumns(
    const uint32_t* /*packed*/, const uint32_t* /*coefficients*/, int32_t /*pairs*/,
    int32_t* /*acc*/, int32_t /*acc_stride*/, int32_t /*column_pairs*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "ldrd r8, r9, [sp, #36]\n"
      "lsl r8, r8, #2\n"  // between two columns, bytes
      "mul r9, r9, r8\n"
      "add r9, r3, r9, lsl #1\n"  // where the accumulators end
      "add r4, r0, r2, lsl #4\n"  // where the pairs end
      "rsb r5, r2, #0\n"
      "and r5, r5, #7\n"
      "mov r6, #44\n"  // bytes of a pair's instructions
      "adr r7, 2f + 1\n"
      "mla r5, r5, r6, r7\n"  // where the loop is entered
      "mov r6, r0\n"
      "mov r7, r3\n"
      "push {r4-r9}\n"
      "1: ldr r2, [sp, #16]\n"
      "ldm r3, {r6-r9}\n"
      "add r4, r3, r2\n"
      "ldm r4, {r10-r12, lr}\n"
      "ldr pc, [sp, #4]\n"
      "2: .rept 8\n"
      "ldrd r4, r5, [r1], #8\n"
      "ldrd r2, r3, [r0], #8\n"
      "smlad r6, r2, r4, r6\n"
      "smlad r10, r2, r5, r10\n"
      "smlad r7, r3, r4, r7\n"
      "smlad r11, r3, r5, r11\n"
      "ldrd r2, r3, [r0], #8\n"
      "smlad r8, r2, r4, r8\n"
      "smlad r12, r2, r5, r12\n"
      "smlad r9, r3, r4, r9\n"
      "smlad lr, r3, r5, lr\n"
      ".endr\n"
      "ldr r2, [sp]\n"
      "cmp r0, r2\n"
      "bne 2b\n"
      "ldrd r2, r4, [sp, #16]\n"
      "ldrd r0, r3, [sp, #8]\n"
      "stm r3, {r6-r9}\n"
      "add r3, r3, r2\n"
      "stm r3, {r10-r12, lr}\n"
      "add r3, r3, r2\n"
      "str r3, [sp, #12]\n"
      "cmp r3, r4\n"
      "bne 1b\n"
      "add sp, #24\n"
      "pop {r4-r11, pc}\n");
}

#else

inline void MultiplyColumns(const uint32_t* packed, const uint32_t* coefficients,
                            int32_t pairs, int32_t* acc, int32_t acc_stride,
                            int32_t column_pairs) {
  for (int32_t n = 0; n < 2 * column_pairs; ++n) {
    for (int32_t k = 0; k < pairs; ++k) {
      const uint32_t coefficient = coefficients[(n / 2 * pairs + k) * 2 + n % 2];
      for (int32_t c = 0; c < 4; ++c) {
        int32_t* sum = acc + n * acc_stride + c;
        *sum = Smlad(packed[4 * k + c], coefficient, *sum);
      }
    }
  }
}

#endif

// acc[n * acc_stride + c] += sum over k of coefficient[n][k] * (rows[k * row_stride + c] +
// offset) for n in [0, columns), c in [0, channels), k in [0, row_count), row_count at most
// 2 * kPackedPairs. A word of coefficients has those of rows k and k + 1, 0 for a row that is
// not there; of two columns they are interleaved: [columns / 2, rounded up][pairs][2]. Up to
// three accumulators beyond `channels` of each column get offset * coefficient added.
// |offset| <= 128; sums wrap.
TFLM_TRAINING_NOINLINE inline void MultiplyRows(const int8_t* rows, int32_t row_stride,
                                                int32_t row_count, int32_t offset,
                                                int32_t channels,
                                                const uint32_t* coefficients,
                                                int32_t columns, int32_t* acc,
                                                int32_t acc_stride) {
  uint32_t packed[kPackedPairs * 4];
  const uint32_t offsets = BothHalves(offset);
  const int32_t pairs = PairsOf(row_count);
  for (; channels > 0; channels -= 4) {
    PackRows(rows, row_stride, row_count, channels, offsets, packed);
    if (columns > 1) {
      MultiplyColumns(packed, coefficients, pairs, acc, acc_stride, columns / 2);
    }
    if (columns % 2 != 0) {
      MultiplyOneColumn(packed, coefficients + (columns - 1) * pairs, pairs,
                        acc + (columns - 1) * acc_stride);
    }
    rows += 4;
    acc += 4;
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_MULTIPLY_ROWS_DSP_H_
