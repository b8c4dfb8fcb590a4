// Four channels of a piece of a gradient and the weights that meet it, two rows to a word: SMLAD
// then adds two taps at a time.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_CELLS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_CELLS_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/core/window_dsp.h"

namespace tflm_training {

// A cell is a column of two rows: for each of four channels a word [upper, lower].
constexpr int32_t kCellWords = kChannelGroup;

// From [c0, c1] and [c2, c3] of two rows.
TFLM_TRAINING_INLINE void StoreCell(const int16_t* upper, const int16_t* lower, uint32_t keep_lower,
                                    uint32_t* cell) {
  const uint32_t upper01 = LoadWord(upper);
  const uint32_t upper23 = LoadWord(upper + 2);
  const uint32_t lower01 = LoadWord(lower) & keep_lower;
  const uint32_t lower23 = LoadWord(lower + 2) & keep_lower;
  StoreWords<0>(cell, PkhbtLsl16(upper01, lower01), PkhtbAsr16(lower01, upper01));
  StoreWords<2>(cell, PkhbtLsl16(upper23, lower23), PkhtbAsr16(lower23, upper23));
}

// From four bytes of each row.
TFLM_TRAINING_INLINE void StoreCell(uint32_t upper, uint32_t lower, uint32_t* cell) {
  const Quad top = {Sxtb16(upper), Sxtb16Ror8(upper)};
  const Quad bottom = {Sxtb16(lower), Sxtb16Ror8(lower)};
  StoreWords<0>(cell, PkhbtLsl16(top.even, bottom.even), PkhbtLsl16(top.odd, bottom.odd));
  StoreWords<2>(cell, PkhtbAsr16(bottom.even, top.even), PkhtbAsr16(bottom.odd, top.odd));
}

TFLM_TRAINING_INLINE void StoreCell(const int8_t* upper, const int8_t* lower, uint32_t keep_lower,
                                    uint32_t* cell) {
  StoreCell(LoadWord(upper), LoadWord(lower) & keep_lower, cell);
}

// A cell of weights and how many bytes from the first cell of a window the cell lies that it
// meets.
struct WeightCell {
  int32_t offset;
  uint32_t words[kCellWords];
};

// acc += the products of the cells; `weights` moves on.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)
TFLM_TRAINING_INLINE void AddCell(uintptr_t window, const WeightCell*& weights, GroupSums& acc) {
  uint32_t m, n;
  __asm__ volatile(
      "ldmia %[weights]!, {r8-r12}\n\t"
      "add r8, r8, %[window]\n\t"
      "ldrd %[m], %[n], [r8]\n\t"
      "smlad %[a], %[m], r9, %[a]\n\t"
      "smlad %[b], %[n], r10, %[b]\n\t"
      "ldrd %[m], %[n], [r8, #8]\n\t"
      "smlad %[c], %[m], r11, %[c]\n\t"
      "smlad %[d], %[n], r12, %[d]"
      : [a] "+r"(acc.a), [b] "+r"(acc.b), [c] "+r"(acc.c), [d] "+r"(acc.d), [m] "=&r"(m),
        [n] "=&r"(n), [weights] "+r"(weights)
      : [window] "r"(window)
      : "r8", "r9", "r10", "r11", "r12", "memory");
}
#else
inline void AddCell(uintptr_t window, const WeightCell*& weights, GroupSums& acc) {
  const auto* cell =
      reinterpret_cast<const uint32_t*>(window + static_cast<uintptr_t>(weights->offset));
  acc.a = Smlad(cell[0], weights->words[0], acc.a);
  acc.b = Smlad(cell[1], weights->words[1], acc.b);
  acc.c = Smlad(cell[2], weights->words[2], acc.c);
  acc.d = Smlad(cell[3], weights->words[3], acc.d);
  ++weights;
}
#endif

// `pixels` neighbours of a row: the sums over `weights`, `count` of them, for windows that begin
// at `window` and a cell further on each. The four sums of the first pixel go to `sums`, those
// of the next one `step` further on.
TFLM_TRAINING_NOINLINE inline void SumPixels(uintptr_t window, const WeightCell* weights,
                                             int32_t count, int32_t pixels, int32_t* sums,
                                             int32_t step) {
  const WeightCell* const end = weights + Max(count, 0);
  const WeightCell* const end3 = weights + Max(count, 0) / 3 * 3;
  for (; pixels > 0; --pixels) {
    GroupSums acc = {0, 0, 0, 0};
    const WeightCell* weight = weights;
    while (weight != end3) {
      AddCell(window, weight, acc);
      AddCell(window, weight, acc);
      AddCell(window, weight, acc);
    }
    while (weight != end) AddCell(window, weight, acc);
    sums[0] = acc.a;
    sums[1] = acc.b;
    sums[2] = acc.c;
    sums[3] = acc.d;
    sums += step;
    window += sizeof(uint32_t) * kCellWords;
  }
}

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_CELLS_DSP_H_
