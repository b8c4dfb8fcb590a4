// Counts executed instructions under `qemu-system-arm -icount shift=0,sleep=off`, where one
// instruction is one nanosecond of the emulated clock.
#ifndef TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_
#define TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_

#include <cstdint>

namespace tflm_training {

// The CMSDK timer 0 of the MPS2 boards counts down at 25 MHz: a tick is 40 instructions, and
// 2^32 ticks are 1.7e11. Its reads are exact: the emulator stops at each of them.
class InstructionCounter {
 public:
  static constexpr uint32_t kInstructionsPerTick = 40;

  InstructionCounter() {
    timer_->control = 0;
    timer_->reload = UINT32_MAX;
    timer_->value = UINT32_MAX;
    timer_->control = 1;
  }

  void Start() { start_ = timer_->value; }

  // Instructions since Start(), within 40 and the few that the two calls take themselves.
  uint64_t Stop() const { return uint64_t{start_ - timer_->value} * kInstructionsPerTick; }

 private:
  struct Timer {
    uint32_t control;
    uint32_t value;
    uint32_t reload;
  };

  volatile Timer* const timer_ = reinterpret_cast<volatile Timer*>(0x40000000);
  uint32_t start_ = 0;
};

// Runs 2 * iterations + 1 instructions, iterations >= 1.
void CalibrationLoop(uint32_t iterations);

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_
