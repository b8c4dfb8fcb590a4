// Four channels of int8, of an input or a filter, each in a plane of its own.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_INPUT_PLANES_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_INPUT_PLANES_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"

namespace tflm_training {

// What PackInputs works on: columns of pixels. A cell holds two neighbours of a column.
struct InputTask {
  const int8_t* input;  // the first pixel of the first column
  uint32_t* cell;       // of plane 0
  int32_t row_step;     // from pixel to pixel
  int32_t cell_step;    // bytes from the first cell to the second, the third to the fourth, ..
  int32_t plane;        // bytes
  uint32_t offset;      // what is added to an input, in both halves
  int32_t rows;         // cells whose lower row is there
  int32_t has_first;    // the first cell begins with the first pixel, or with 0
  int32_t has_last;     // one more cell ends with 0
  int32_t column_step;  // of input; the cells of columns are neighbours
  int32_t columns;      // at least 1
  int32_t other_step;   // bytes from the second cell to the third, ..
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(InputTask) == 48, "the frame of PackInputs");

// 31 instructions for two cells of each plane.
__attribute__((naked, noinline)) inline void PackInputs(const InputTask* /*task*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "ldm r0, {r1-r12}\n"
      "push {r1-r12}\n"
      "ldm sp, {r0-r5}\n"
      "add r6, r4, r4, lsl #1\n"
      "1: ldrd lr, r7, [sp, #24]\n"
      "movs r8, #0\n"
      "cbz r7, 2f\n"
      "ldr r8, [r0]\n"
      "add r0, r2\n"
      "sxtab16 r7, r5, r8\n"
      "sxtab16 r8, r5, r8, ror #8\n"
      "2: cmp lr, #0\n"
      "beq 4f\n"
      "3: ldr r10, [r0]\n"
      "add r0, r2\n"
      "sxtab16 r9, r5, r10\n"
      "sxtab16 r10, r5, r10, ror #8\n"
      "pkhbt r11, r7, r9, lsl #16\n"
      "pkhbt r12, r8, r10, lsl #16\n"
      "str r11, [r1]\n"
      "str r12, [r1, r4]\n"
      "pkhtb r11, r9, r7, asr #16\n"
      "pkhtb r12, r10, r8, asr #16\n"
      "str r11, [r1, r4, lsl #1]\n"
      "str r12, [r1, r6]\n"
      "add r1, r3\n"
      "subs lr, #1\n"
      "beq 5f\n"
      "ldr r8, [r0]\n"
      "add r0, r2\n"
      "sxtab16 r7, r5, r8\n"
      "sxtab16 r8, r5, r8, ror #8\n"
      "pkhbt r11, r9, r7, lsl #16\n"
      "pkhbt r12, r10, r8, lsl #16\n"
      "str r11, [r1]\n"
      "str r12, [r1, r4]\n"
      "pkhtb r11, r7, r9, asr #16\n"
      "pkhtb r12, r8, r10, asr #16\n"
      "str r11, [r1, r4, lsl #1]\n"
      "str r12, [r1, r6]\n"
      "ldr r11, [sp, #44]\n"
      "add r1, r11\n"
      "subs lr, #1\n"
      "bne 3b\n"
      "4: mov r9, r7\n"
      "mov r10, r8\n"
      "5: ldrd r7, r8, [sp, #32]\n"
      "cbz r7, 6f\n"
      "uxth r11, r9\n"
      "uxth r12, r10\n"
      "str r11, [r1]\n"
      "str r12, [r1, r4]\n"
      "lsr r9, r9, #16\n"
      "lsr r10, r10, #16\n"
      "str r9, [r1, r4, lsl #1]\n"
      "str r10, [r1, r6]\n"
      // The next column.
      "6: ldrd r0, r1, [sp]\n"
      "add r0, r8\n"
      "adds r1, #4\n"
      "strd r0, r1, [sp]\n"
      "ldr r7, [sp, #40]\n"
      "subs r7, #1\n"
      "str r7, [sp, #40]\n"
      "bne 1b\n"
      "add sp, #48\n"
      "pop {r4-r11, pc}\n");
}

#else

inline void PackInputs(const InputTask* task) {
  const auto load = [&](const int8_t* pixel) {
    const uint32_t word = LoadWord(pixel);
    return Quad{Sxtab16(task->offset, word), Sxtab16Ror8(task->offset, word)};
  };
  for (int32_t i = 0; i < task->columns; ++i) {
    const int8_t* const pixel = task->input + i * task->column_step;
    uint32_t* cell = task->cell + i;
    Quad upper = {0, 0};
    if (task->has_first != 0) upper = load(pixel);
    for (int32_t row = 0; row < task->rows + task->has_last; ++row) {
      Quad lower = {0, 0};
      if (row < task->rows) lower = load(pixel + (row + task->has_first) * task->row_step);
      StoreCell(upper, lower, task->plane / 4, cell);
      cell += (row % 2 == 0 ? task->cell_step : task->other_step) / 4;
      upper = lower;
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_INPUT_PLANES_DSP_H_
