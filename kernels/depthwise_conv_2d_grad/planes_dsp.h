// Four channels of a piece of a gradient, each in a plane of its own.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// A cell is a column of two rows of a channel, [upper, lower], so that SMLAD adds two taps. A row
// of a plane of an output gradient holds the rows 2 p and 2 p + 1 of the map.
constexpr int32_t kPlanes = 4;
constexpr int32_t kPlaneWidth = 12;
constexpr int32_t kPlanePairs = 5;
constexpr int32_t kPlaneCells = kPlaneWidth * kPlanePairs;

// Two rows of one column: four channels to the same cell of each plane.
TFLM_TRAINING_INLINE void StoreCell(Quad upper, Quad lower, int32_t plane, uint32_t* cell) {
  cell[0] = PkhbtLsl16(upper.even, lower.even);
  cell[plane] = PkhbtLsl16(upper.odd, lower.odd);
  cell[2 * plane] = PkhtbAsr16(lower.even, upper.even);
  cell[3 * plane] = PkhtbAsr16(lower.odd, upper.odd);
}

// `count` words, a multiple of four.
TFLM_TRAINING_SMALL inline void Clear(uint32_t* words, int32_t count) {
  for (; count > 4; count -= 8, words += 8) {
    StoreWords<0>(words, 0, 0);
    StoreWords<2>(words, 0, 0);
    StoreWords<4>(words, 0, 0);
    StoreWords<6>(words, 0, 0);
  }
  if (count > 0) {
    StoreWords<0>(words, 0, 0);
    StoreWords<2>(words, 0, 0);
  }
}

// What PackColumns works on: pairs of neighbouring columns of int16 at words.
struct PackTask {
  const int16_t* column;  // the first one
  int32_t column_step;    // bytes
  int32_t row_step;       // bytes
  uint32_t* cell;         // of plane 1
  int32_t pairs;          // of rows
  int32_t has_last;       // one more row, to which 0 is the lower one
  int32_t columns;        // pairs of them, at least 1
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(PackTask) == 28, "the frame of PackColumns");

// 23 instructions for 16 mantissas.
__attribute__((naked, noinline)) inline void PackColumns(const PackTask* /*task*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "ldm r0, {r1-r7}\n"
      "push {r1-r7}\n"
      "1: ldm sp, {r0-r3, r12}\n"
      "add r1, r0\n"
      "cmp r12, #0\n"
      "beq 4f\n"
      "2: ldrd r4, r5, [r0]\n"
      "add r0, r2\n"
      "ldrd r6, r7, [r1]\n"
      "add r1, r2\n"
      "ldrd r8, r9, [r0]\n"
      "add r0, r2\n"
      "ldrd r10, r11, [r1]\n"
      "add r1, r2\n"
      "3: pkhbt lr, r4, r8, lsl #16\n"
      "pkhtb r4, r8, r4, asr #16\n"
      "pkhbt r8, r6, r10, lsl #16\n"
      "pkhtb r6, r10, r6, asr #16\n"
      "strd lr, r8, [r3, #-240]\n"
      "strd r4, r6, [r3]\n"
      "pkhbt lr, r5, r9, lsl #16\n"
      "pkhtb r5, r9, r5, asr #16\n"
      "pkhbt r9, r7, r11, lsl #16\n"
      "pkhtb r7, r11, r7, asr #16\n"
      "strd lr, r9, [r3, #240]\n"
      "strd r5, r7, [r3, #480]\n"
      "adds r3, #48\n"
      "subs r12, #1\n"
      "bgt 2b\n"
      "blt 5f\n"  // behind the last row
      "4: ldr r4, [sp, #20]\n"
      "cbz r4, 5f\n"
      "ldrd r4, r5, [r0]\n"
      "ldrd r6, r7, [r1]\n"
      "mov r8, #0\n"
      "mov r9, #0\n"
      "mov r10, #0\n"
      "mov r11, #0\n"
      "b 3b\n"
      // The next columns.
      "5: ldm sp, {r0-r3}\n"
      "add r0, r0, r1, lsl #1\n"
      "adds r3, #8\n"
      "ldr r4, [sp, #24]\n"
      "str r0, [sp]\n"
      "str r3, [sp, #12]\n"
      "subs r4, #1\n"
      "str r4, [sp, #24]\n"
      "bne 1b\n"
      "add sp, #28\n"
      "pop {r4-r11, pc}\n");
}
static_assert(kPlaneCells * 4 == 240 && kPlaneWidth * 4 == 48, "steps in PackColumns");

#else

inline void PackColumns(const PackTask* task) {
  for (int32_t i = 0; i < 2 * task->columns; ++i) {
    const int16_t* m = task->column + i * (task->column_step / 2);
    uint32_t* cell = task->cell + i - kPlaneCells;
    for (int32_t pair = 0; pair < task->pairs + task->has_last; ++pair, cell += kPlaneWidth) {
      Quad lower = {0, 0};
      if (pair < task->pairs) lower = LoadQuad(m + task->row_step / 2);
      StoreCell(LoadQuad(m), lower, kPlaneCells, cell);
      m += task->row_step;
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_
