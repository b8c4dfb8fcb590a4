// In place of tools/cortex_m/instruction_counter.h: nothing is counted here.
#ifndef TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_
#define TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_

#include <cstdint>

namespace tflm_training {

class InstructionCounter {
 public:
  void Start() {}
  uint64_t Stop() const { return 0; }
};

inline void CalibrationLoop(uint32_t) {}

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_INSTRUCTION_COUNTER_H_
