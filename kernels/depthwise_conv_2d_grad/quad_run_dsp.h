// Results of four channels that are masked and written.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/masked_quad_dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// Quads of int16, each with what says which of its mantissas are kept: four bits, or the saved
// activations.
struct QuadRun {
  const int16_t* from;  // four of each quad
  int16_t* to;          // at a word
  int32_t step;         // bytes from quad to quad
  const uint8_t* mask;  // for WriteValuesRun int8, half as many bytes apart
  int32_t mask_step;    // for WriteValuesRun QuadMask::span()
  uint32_t mask_factor;  // for WriteValuesRun QuadMask::offset()
  QuadRange range;
  const int16_t* end;  // of `from`
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(QuadRun) == 36, "what WriteRun loads");

// What follows the masks, of two words in r10 and r11.
#define TFLM_TRAINING_WRITE_QUAD                          \
  "strd r10, r11, [r1]\n"                                 \
  "add r1, r2\n"                                          \
  TFLM_TRAINING_ADD_QUAD("r10", "r11", "r6", "r7", "r12") \
  "cmp r0, r8\n"                                          \
  "bne 1b\n"                                              \
  "ldr r0, [sp]\n"                                        \
  "strd r6, r7, [r0, #24]\n"                              \
  "pop {r0, r4-r11, pc}\n"

__attribute__((naked, noinline)) inline void WriteRun(QuadRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r8}\n"
      "movs r9, #0\n"
      "1: ldrd r10, r11, [r0], #8\n"
      "ldrb r12, [r3]\n"
      "add r3, r4\n"
      "mul r12, r12, r5\n"
      TFLM_TRAINING_MASK_QUAD("r10", "r11", "r12", "r9", "lr")
      TFLM_TRAINING_WRITE_QUAD);
}

__attribute__((naked, noinline)) inline void WriteValuesRun(QuadRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r8}\n"
      "movs r9, #0\n"
      "1: ldr r12, [r3]\n"
      "add r3, r3, r2, lsr #1\n"
      "sxtab16 lr, r5, r12\n"
      "sxtab16 r12, r5, r12, ror #8\n"
      "pkhbt r10, lr, r12, lsl #16\n"
      "pkhtb r11, r12, lr, asr #16\n"
      "usub16 lr, r4, r10\n"
      "ldr r10, [r0], #4\n"
      "sel r10, r10, r9\n"
      "usub16 lr, r4, r11\n"
      "ldr r11, [r0], #4\n"
      "sel r11, r11, r9\n" TFLM_TRAINING_WRITE_QUAD);
}

#undef TFLM_TRAINING_WRITE_QUAD

#else

inline void WriteRun(QuadRun* run) {
  for (; run->from != run->end; run->from += 4) {
    WriteMaskedQuad(LoadWord(run->from), LoadWord(run->from + 2), *run->mask * run->mask_factor,
                    run->to, &run->range);
    run->mask += run->mask_step;
    run->to += run->step / 2;
  }
}

inline void WriteValuesRun(QuadRun* run) {
  const auto span = static_cast<uint32_t>(run->mask_step);
  for (; run->from != run->end; run->from += 4) {
    const uint32_t word = LoadWord(run->mask);
    const uint32_t even = Sxtab16(run->mask_factor, word);
    const uint32_t odd = Sxtab16Ror8(run->mask_factor, word);
    const uint32_t low = Usub16Sel(span, PkhbtLsl16(even, odd), LoadWord(run->from), 0);
    const uint32_t high = Usub16Sel(span, PkhtbAsr16(odd, even), LoadWord(run->from + 2), 0);
    StoreWord(run->to, low);
    StoreWord(run->to + 2, high);
    run->range.Add({low, high});
    run->mask += run->step / 2;
    run->to += run->step / 2;
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_QUAD_RUN_DSP_H_
