// What makes a compiler keep the inner loops of the kernels for the DSP extension in registers.
#ifndef KERNELS_CORE_INNER_LOOP_DSP_H_
#define KERNELS_CORE_INNER_LOOP_DSP_H_

namespace tflm_training {

// For what an inner loop is made of: there compilers weigh size against speed.
#define TFLM_TRAINING_INLINE inline __attribute__((always_inline))
// For a loop that needs all registers, so that it does not share them with its caller.
#define TFLM_TRAINING_NOINLINE __attribute__((noinline))
// The same where all callers are small, of which compilers conclude that the loop should be, too.
#define TFLM_TRAINING_HOT __attribute__((noinline, hot))
// For what is outside of all inner loops: compilers make it small.
#define TFLM_TRAINING_SMALL __attribute__((noinline, cold))

// Keeps a compiler from loading first all that an unrolled loop needs.
TFLM_TRAINING_INLINE void KeepOrder() { __asm__ volatile("" ::: "memory"); }

}  // namespace tflm_training

#endif  // KERNELS_CORE_INNER_LOOP_DSP_H_
