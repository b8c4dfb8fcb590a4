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

namespace tflm_training {

// Pairs of rows that are unpacked at a time, 16 bytes each.
constexpr int32_t kPackedPairs = 16;

// Words that hold `count` int16 in pairs.
inline int32_t PairsOf(int32_t count) { return (count + 1) / 2; }

// Where the coefficients of column `n` lie among those of all columns, [columns][pairs] words:
// two columns are interleaved, a last odd one stands alone. Pair k of column n of `columns` is
// coefficients[CoefficientIndex(n, columns, pairs) + k * CoefficientStep(n, columns)]; the
// second half of a last odd pair is 0.
inline int32_t CoefficientStep(int32_t n, int32_t columns) {
  return (n | 1) < columns ? 2 : 1;
}
inline int32_t CoefficientIndex(int32_t n, int32_t columns, int32_t pairs) {
  return CoefficientStep(n, columns) == 2 ? (n & ~1) * pairs + (n & 1) : n * pairs;
}

// The first `count` bytes at `address`, 1..4.
inline uint32_t LoadBytes(const int8_t* address, int32_t count) {
  uint32_t word = 0;
  for (int32_t i = 0; i < count; ++i) {
    word |= (static_cast<uint32_t>(address[i]) & 0xFFu) << (8 * i);
  }
  return word;
}

// Four channels of a pair of rows as four words of two channels' values each:
// packed[c] = [first[c] + offset, second[c] + offset].
inline void PackPair(uint32_t first, uint32_t second, uint32_t offsets, uint32_t* packed) {
  const uint32_t channels_01 = PkhbtLsl16(first, second);
  const uint32_t channels_23 = PkhtbAsr16(second, first);
  packed[0] = Sxtab16(offsets, channels_01);
  packed[1] = Sxtab16Ror8(offsets, channels_01);
  packed[2] = Sxtab16(offsets, channels_23);
  packed[3] = Sxtab16Ror8(offsets, channels_23);
}

// packed[k] = rows 2k and 2k + 1, of which `load` gets four channels. A last odd row stands
// for both of its pair.
template <typename Load>
void PackRows(const int8_t* rows, int32_t row_stride, int32_t row_count, uint32_t offsets,
              uint32_t* packed, Load load) {
  for (; row_count > 1; row_count -= 2) {
    PackPair(load(rows), load(rows + row_stride), offsets, packed);
    rows += 2 * row_stride;
    packed += 4;
  }
  if (row_count > 0) PackPair(load(rows), load(rows), offsets, packed);
}

// acc[c] += sum over pairs of packed[k][c] * coefficients[k] for c in [0, 4).
inline void MultiplyOneColumn(const uint32_t* packed, const uint32_t* coefficients,
                              int32_t pairs, int32_t* acc) {
  int32_t s0 = acc[0], s1 = acc[1], s2 = acc[2], s3 = acc[3];
  for (; pairs > 0; --pairs) {
    const uint32_t coefficient = *coefficients++;
    s0 = Smlad(packed[0], coefficient, s0);
    s1 = Smlad(packed[1], coefficient, s1);
    s2 = Smlad(packed[2], coefficient, s2);
    s3 = Smlad(packed[3], coefficient, s3);
    packed += 4;
  }
  acc[0] = s0, acc[1] = s1, acc[2] = s2, acc[3] = s3;
}

// The same for two columns, whose coefficients are interleaved. Eight sums, two values, two
// coefficients and two addresses are all the registers that there are; inlined, they are not.
__attribute__((noinline)) inline void MultiplyTwoColumns(const uint32_t* packed,
                                                         const uint32_t* coefficients,
                                                         int32_t pairs, int32_t* acc,
                                                         int32_t* next) {
  int32_t s0 = acc[0], s1 = acc[1], s2 = acc[2], s3 = acc[3];
  int32_t t0 = next[0], t1 = next[1], t2 = next[2], t3 = next[3];
  const auto add = [&](int32_t k) {
    __asm__ volatile("" ::: "memory");
    const uint32_t a = coefficients[2 * k], b = coefficients[2 * k + 1];
    const uint32_t* values = packed + 4 * k;
    s0 = Smlad(values[0], a, s0);
    t0 = Smlad(values[0], b, t0);
    s1 = Smlad(values[1], a, s1);
    t1 = Smlad(values[1], b, t1);
    __asm__ volatile("" ::: "memory");
    s2 = Smlad(values[2], a, s2);
    t2 = Smlad(values[2], b, t2);
    s3 = Smlad(values[3], a, s3);
    t3 = Smlad(values[3], b, t3);
  };
  for (; pairs >= 4; pairs -= 4) {
    add(0), add(1), add(2), add(3);
    packed += 16;
    coefficients += 8;
  }
  for (; pairs > 0; --pairs) {
    add(0);
    packed += 4;
    coefficients += 2;
  }
  acc[0] = s0, acc[1] = s1, acc[2] = s2, acc[3] = s3;
  next[0] = t0, next[1] = t1, next[2] = t2, next[3] = t3;
}

// acc[n * acc_stride + c] += sum over k of coefficient[n][k] * (rows[k * row_stride + c] +
// offset) for n in [0, columns), c in [0, channels), k in [0, row_count). Up to three
// accumulators beyond `channels` of each column are overwritten. |offset| <= 128; sums wrap.
inline void MultiplyRows(const int8_t* rows, int32_t row_stride, int32_t row_count,
                         int32_t offset, int32_t channels, const uint32_t* coefficients,
                         int32_t columns, int32_t* acc, int32_t acc_stride) {
  uint32_t packed[kPackedPairs * 4];
  const uint32_t offsets = BothHalves(offset);
  const int32_t pairs = PairsOf(row_count);
  for (int32_t c = 0; c < channels; c += 4) {
    for (int32_t k = 0; k < pairs; k += kPackedPairs) {
      const int32_t here = Min(kPackedPairs, pairs - k);
      const int32_t row_count_here = Min(2 * kPackedPairs, row_count - 2 * k);
      const int8_t* first = rows + 2 * k * row_stride + c;
      const int32_t channels_here = channels - c;
      if (channels_here >= 4) {
        PackRows(first, row_stride, row_count_here, offsets, packed,
                 [](const int8_t* row) { return LoadWord(row); });
      } else {
        PackRows(first, row_stride, row_count_here, offsets, packed,
                 [=](const int8_t* row) { return LoadBytes(row, channels_here); });
      }
      int32_t n = 0;
      for (; n + 1 < columns; n += 2) {
        int32_t* sums = acc + n * acc_stride + c;
        MultiplyTwoColumns(packed, coefficients + n * pairs + 2 * k, here, sums,
                           sums + acc_stride);
      }
      if (n < columns) {
        MultiplyOneColumn(packed, coefficients + n * pairs + k, here,
                          acc + n * acc_stride + c);
      }
    }
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_MULTIPLY_ROWS_DSP_H_
