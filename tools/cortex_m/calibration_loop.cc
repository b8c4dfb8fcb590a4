#include "tools/cortex_m/instruction_counter.h"

namespace tflm_training {

__attribute__((naked, noinline)) void CalibrationLoop(uint32_t) {
  __asm volatile(
      "1: subs r0, r0, #1\n"
      "bne 1b\n"
      "bx lr\n");
}

}  // namespace tflm_training
