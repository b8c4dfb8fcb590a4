// What is done with four mantissas of int16 that lie in two words, in the order of their elements:
// masked by four bits, and counted into a QuadRange.
#ifndef KERNELS_CORE_MASKED_QUAD_DSP_H_
#define KERNELS_CORE_MASKED_QUAD_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// Bit 0 of a byte times this is bit 13, bit 1 bit 29, bit 2 bit 15 and bit 3 bit 31; two to the
// left, bits 0 and 1 are 15 and 31. For bits 4 to 7 divide it by 16.
constexpr uint32_t kMaskFactor = (1u << 13) + (1u << 28);

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

// For kernels in assembly. `bits` is a byte times kMaskFactor, `zero` 0: a sum is negative, and its
// lane not selected, where the bit is set.
#define TFLM_TRAINING_MASK_QUAD(low, high, bits, zero, temporary)    \
  "lsl " temporary ", " bits ", #2\n"                                \
  "sadd16 " temporary ", " temporary ", " temporary "\n"             \
  "sel " low ", " zero ", " low "\n"                                 \
  "sadd16 " bits ", " bits ", " bits "\n"                            \
  "sel " high ", " zero ", " high "\n"

// `largest` and `smallest` are those of a QuadRange; `low` and `high` are used up.
#define TFLM_TRAINING_ADD_QUAD(low, high, largest, smallest, temporary) \
  "ssub16 " temporary ", " low ", " high "\n"                           \
  "sel " temporary ", " low ", " high "\n"                              \
  "sel " low ", " high ", " low "\n"                                    \
  "ssub16 " high ", " largest ", " temporary "\n"                       \
  "sel " largest ", " largest ", " temporary "\n"                       \
  "ssub16 " high ", " low ", " smallest "\n"                            \
  "sel " smallest ", " smallest ", " low "\n"

#else

// Writes the mantissas [m0, m1] and [m2, m3] that the bits keep, `bits` being a byte times
// kMaskFactor.
inline void WriteMaskedQuad(uint32_t low, uint32_t high, uint32_t bits, int16_t* to,
                            QuadRange* range) {
  // SEL where a lane is below 0, which is where the bit is set.
  low = Ssub16Sel(bits << 2, 0, 0, low);
  high = Ssub16Sel(bits, 0, 0, high);
  StoreWord(to, low);
  StoreWord(to + 2, high);
  range->Add({low, high});
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_CORE_MASKED_QUAD_DSP_H_
