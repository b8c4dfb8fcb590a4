// Results of four channels that are masked and written.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// Quads of int16, each with four bits that say which of its mantissas are kept.
struct QuadRun {
  // Bit 0 of a byte times this is bit 13, bit 1 bit 29, bit 2 bit 15 and bit 3 bit 31; two to the
  // left, bits 0 and 1 are 15 and 31. For bits 4 to 7 divide it by 16.
  static constexpr uint32_t kMaskFactor = (1u << 13) + (1u << 28);

  const int16_t* from;  // four of each quad
  int16_t* to;          // at a word
  int32_t step;         // bytes from quad to quad
  const uint8_t* mask;
  int32_t mask_step;
  uint32_t mask_factor;
  QuadRange range;
  const int16_t* end;  // of `from`
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(QuadRun) == 36, "what WriteRun loads");

__attribute__((naked, noinline)) inline void WriteRun(QuadRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r8}\n"
      "movs r9, #0\n"
      "1: ldrd r10, r11, [r0], #8\n"
      "ldrb r12, [r3]\n"
      "add r3, r4\n"
      "mul r12, r12, r5\n"
      "lsl lr, r12, #2\n"
      "sadd16 lr, lr, lr\n"
      "sel r10, r9, r10\n"
      "sadd16 r12, r12, r12\n"
      "sel r11, r9, r11\n"
      "strd r10, r11, [r1]\n"
      "add r1, r2\n"
      "ssub16 r12, r10, r11\n"
      "sel r12, r10, r11\n"
      "sel r10, r11, r10\n"
      "ssub16 r11, r6, r12\n"
      "sel r6, r6, r12\n"
      "ssub16 r11, r10, r7\n"
      "sel r7, r7, r10\n"
      "cmp r0, r8\n"
      "bne 1b\n"
      "ldr r0, [sp]\n"
      "strd r6, r7, [r0, #24]\n"
      "pop {r0, r4-r11, pc}\n");
}

#else

inline void WriteRun(QuadRun* run) {
  for (; run->from != run->end; run->from += 4) {
    // SEL where a lane is below 0, which is where the bit is set.
    const uint32_t bits = *run->mask * run->mask_factor;
    const uint32_t low = Ssub16Sel(bits << 2, 0, 0, LoadWord(run->from));
    const uint32_t high = Ssub16Sel(bits, 0, 0, LoadWord(run->from + 2));
    StoreWord(run->to, low);
    StoreWord(run->to + 2, high);
    run->range.Add({low, high});
    run->mask += run->mask_step;
    run->to += run->step / 2;
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_
