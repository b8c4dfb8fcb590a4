// 3x3 windows over at most 4x4 neighbours that begin in the row above the map and end in its second
// pair of rows: no job is needed, and all rows of a column share what they load.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_SMALL_MAP_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_SMALL_MAP_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/windows_dsp.h"

namespace tflm_training {

constexpr int32_t kSmallMap = 4;     // rows and columns
constexpr int32_t kSmallFilter = 3;  // likewise
// Words of a plane: for each column of taps [w1, w0] and [w2, w1], the last column first.
constexpr int32_t kSmallWeights = 2 * kSmallFilter;

// The weights of four channels, from their last taps on; the steps lead to the taps before.
TFLM_TRAINING_NOINLINE inline void PackSmallWeights(const int8_t* tap, int32_t row_step,
                                                    int32_t column_step, uint32_t* cell) {
  for (const uint32_t* end = cell + kSmallWeights; cell != end; cell += 2) {
    const uint32_t last = LoadWord(tap);
    const uint32_t middle = LoadWord(tap + row_step);
    const uint32_t first = LoadWord(tap + 2 * row_step);
    tap += column_step;
    const Quad w2 = {Sxtb16(last), Sxtb16Ror8(last)};
    const Quad w1 = {Sxtb16(middle), Sxtb16Ror8(middle)};
    const Quad w0 = {Sxtb16(first), Sxtb16Ror8(first)};
    StoreWords<0>(cell, PkhbtLsl16(w1.even, w0.even), PkhbtLsl16(w2.even, w1.even));
    StoreWords<kPlaneWeights>(cell, PkhbtLsl16(w1.odd, w0.odd), PkhbtLsl16(w2.odd, w1.odd));
    StoreWords<2 * kPlaneWeights>(cell, PkhtbAsr16(w0.even, w1.even),
                                  PkhtbAsr16(w1.even, w2.even));
    StoreWords<3 * kPlaneWeights>(cell, PkhtbAsr16(w0.odd, w1.odd), PkhtbAsr16(w1.odd, w2.odd));
  }
}

// What SumWindows does: the results of rows and columns that are not there as well.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

// 39 instructions for four results, one below the other. The frame is the scale of the plane, the
// next weights, the next scales and their end.
__attribute__((naked, noinline)) inline void SumSmallMap(const WindowTask* /*task*/) {
  __asm__(
      TFLM_TRAINING_LOAD_TASK
      "add lr, r1, #32\n"
      "push {r2-r5}\n"
      "1: ldrd r3, r4, [sp, #4]\n"
      "ldm r3!, {r6-r11}\n"
      "ldr r2, [r4], #4\n"
      "add r3, #300\n"
      "stm sp, {r2-r4}\n"
      "2: ldr r12, [r0], #4\n"
      "smuad r2, r12, r6\n"
      "smuad r3, r12, r7\n"
      "smultb r4, r12, r7\n"
      "ldr r12, [r0, #44]\n"
      "smlabt r3, r12, r6, r3\n"
      "smlad r4, r12, r6, r4\n"
      "smuad r5, r12, r7\n"
      "ldr r12, [r0]\n"
      "smlad r2, r12, r8, r2\n"
      "smlad r3, r12, r9, r3\n"
      "smlatb r4, r12, r9, r4\n"
      "ldr r12, [r0, #48]\n"
      "smlabt r3, r12, r8, r3\n"
      "smlad r4, r12, r8, r4\n"
      "smlad r5, r12, r9, r5\n"
      "ldr r12, [r0, #4]\n"
      "smlad r2, r12, r10, r2\n"
      "smlad r3, r12, r11, r3\n"
      "smlatb r4, r12, r11, r4\n"
      "ldr r12, [r0, #52]\n"
      "smlabt r3, r12, r10, r3\n"
      "smlad r4, r12, r10, r4\n"
      "smlad r5, r12, r11, r5\n"
      "ldr r12, [sp]\n"
      "smmulr r2, r2, r12\n"
      "smmulr r3, r3, r12\n"
      "smmulr r4, r4, r12\n"
      "smmulr r5, r5, r12\n"
      "ssat r2, #16, r2\n"
      "ssat r3, #16, r3\n"
      "ssat r4, #16, r4\n"
      "ssat r5, #16, r5\n"
      "strh r3, [r1, #32]\n"
      "strh r4, [r1, #64]\n"
      "strh r5, [r1, #96]\n"
      "strh r2, [r1], #8\n"
      "cmp r1, lr\n"
      "bne 2b\n"
      // The next plane.
      "adds r0, #224\n"
      "subs r1, #30\n"
      "add lr, #2\n"
      "ldrd r2, r3, [sp, #8]\n"
      "cmp r2, r3\n"
      "bne 1b\n"
      "add sp, #16\n"
      "pop {r4-r11, pc}\n");
}
static_assert(kPlaneCells * 4 == 224 + 4 * kSmallMap && kPlaneWidth * 4 == 48 &&
                  kPlaneWeights * 4 == 300 + 4 * kSmallWeights && kPlanes * kSmallMap * 2 == 32,
              "steps in SumSmallMap");

#else

inline void SumSmallMap(const WindowTask* task) {
  for (int32_t plane = 0; plane < kPlanes; ++plane) {
    const uint32_t* const weights = task->weights + plane * kPlaneWeights;
    for (int32_t x = 0; x < kSmallMap; ++x) {
      const uint32_t* const cells = task->cells + plane * kPlaneCells + x;
      int32_t sums[kSmallMap] = {0, 0, 0, 0};
      for (int32_t k = 0; k < kSmallFilter; ++k) {
        const uint32_t upper = cells[k], lower = cells[kPlaneWidth + k];
        const uint32_t even = weights[2 * k], odd = weights[2 * k + 1];
        sums[0] = Smlad(upper, even, sums[0]);
        sums[1] = Smlabt(lower, even, Smlad(upper, odd, sums[1]));
        sums[2] = Smlad(lower, even, Smlatb(upper, odd, sums[2]));
        sums[3] = Smlad(lower, odd, sums[3]);
      }
      StoreScaled(*task, plane, sums, kSmallMap, kSmallMap, task->results + x * kPlanes);
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_SMALL_MAP_DSP_H_
