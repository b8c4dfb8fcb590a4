// The gradient of the weights of four channels at all taps of a depthwise convolution: sums over
// planes of the input and of the output gradient.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_TAP_SUMS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_TAP_SUMS_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

// Taps that are summed side by side, and columns of the gradient that they take at a time.
constexpr int32_t kTapGroup = 3;
constexpr int32_t kColumnGroup = 4;

// What SumTaps works on. A cell is a word of two rows of one channel, [upper, lower]: in the planes
// of the gradient of outputs 2 q and 2 q + 1, in those of the input of what one tap reads for them.
// Planes of the gradient have no gaps between their rows.
struct TapTask {
  int32_t row_skip;              // bytes of input from the end of a row to the next one
  const uint32_t* gradient_end;  // of plane 0
  int32_t column_groups;
  const uint32_t* input;  // of plane 0, what the first tap reads first
  const uint32_t* gradient;
  int32_t tap_step;       // bytes of input from a row of taps to the next one
  int32_t taps_left;
  int32_t tap_rows;       // the same
  int32_t* sums;          // [plane][row of taps][kTapGroup], added to
  int32_t input_plane;    // bytes from behind the last row of taps to the first of the next plane
  int32_t gradient_plane;  // bytes
  int32_t* sums_end;
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(TapTask) == 48, "the frame of SumTaps");

// 17 instructions for 12 SMLAD.
__attribute__((naked, noinline)) inline void SumTaps(const TapTask* /*task*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "ldm r0, {r1-r12}\n"
      "push {r1-r12}\n"
      "1: ldr r3, [sp, #32]\n"
      "ldm r3, {r0-r2}\n"
      "ldrd r11, r12, [sp, #12]\n"
      "ldr lr, [sp, #8]\n"
      "2: ldm r12!, {r3-r6}\n"
      "ldm r11!, {r7-r10}\n"
      "smlad r0, r3, r7, r0\n"
      "smlad r1, r3, r8, r1\n"
      "smlad r2, r3, r9, r2\n"
      "smlad r0, r4, r8, r0\n"
      "smlad r1, r4, r9, r1\n"
      "smlad r2, r4, r10, r2\n"
      "ldrd r7, r8, [r11]\n"
      "smlad r0, r5, r9, r0\n"
      "smlad r1, r5, r10, r1\n"
      "smlad r2, r5, r7, r2\n"
      "smlad r0, r6, r10, r0\n"
      "smlad r1, r6, r7, r1\n"
      "smlad r2, r6, r8, r2\n"
      "subs lr, #1\n"
      "bne 2b\n"
      "ldm sp, {r3, r4, lr}\n"
      "add r11, r3\n"
      "cmp r12, r4\n"
      "bne 2b\n"
      // The next row of taps.
      "ldr r3, [sp, #32]\n"
      "stm r3!, {r0-r2}\n"
      "ldr r6, [sp, #12]\n"
      "ldrd r4, r5, [sp, #20]\n"
      "add r6, r4\n"
      "subs r5, #1\n"
      "bne 3f\n"
      // The next plane.
      "ldr r5, [sp, #28]\n"
      "ldrd r7, r8, [sp, #36]\n"
      "add r6, r7\n"
      "ldr r4, [sp, #4]\n"
      "add r4, r8\n"
      "str r4, [sp, #4]\n"
      "ldr r4, [sp, #16]\n"
      "add r4, r8\n"
      "str r4, [sp, #16]\n"
      "3: str r6, [sp, #12]\n"
      "str r5, [sp, #24]\n"
      "str r3, [sp, #32]\n"
      "ldr r4, [sp, #44]\n"
      "cmp r3, r4\n"
      "bne 1b\n"
      "add sp, #48\n"
      "pop {r4-r11, pc}\n");
}

#else

inline void SumTaps(const TapTask* task) {
  const auto further = [](const uint32_t* words, int32_t bytes) { return words + bytes / 4; };
  const uint32_t* plane = task->gradient;
  const uint32_t* end = task->gradient_end;
  const uint32_t* first = task->input;
  int32_t left = task->tap_rows;
  for (int32_t* sums = task->sums; sums != task->sums_end; sums += kTapGroup) {
    const uint32_t* input = first;
    for (const uint32_t* gradient = plane; gradient != end;) {
      for (int32_t i = 0; i < task->column_groups * kColumnGroup; ++i, ++input, ++gradient) {
        for (int32_t n = 0; n < kTapGroup; ++n) sums[n] = Smlad(*gradient, input[n], sums[n]);
      }
      input = further(input, task->row_skip);
    }
    first = further(first, task->tap_step);
    if (--left > 0) continue;
    left = task->tap_rows;
    first = further(first, task->input_plane);
    plane = further(plane, task->gradient_plane);
    end = further(end, task->gradient_plane);
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_TAP_SUMS_DSP_H_
