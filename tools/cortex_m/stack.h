// How deep the stack goes: what lies below the stack pointer is painted, and what still has
// the paint later was not touched.
#ifndef TOOLS_CORTEX_M_STACK_H_
#define TOOLS_CORTEX_M_STACK_H_

#include <cstdint>

extern "C" {
// The linker script's.
extern uint32_t __stack_limit__;
}

namespace tflm_training {

class StackGauge {
 public:
  // Paints the free stack below the caller's frame.
  __attribute__((noinline)) void Paint() {
    top_ = static_cast<uint32_t*>(__builtin_frame_address(0));
    // What this very function keeps on the stack lies below its frame address.
    for (uint32_t* word = &__stack_limit__; word < top_ - kOwnWords; ++word) *word = kPaint;
  }

  // Bytes of stack that were touched below the caller of Paint(), rounded up to kOwnWords.
  uint32_t UsedBytes() const {
    const uint32_t* word = &__stack_limit__;
    while (word < top_ && *word == kPaint) ++word;
    return static_cast<uint32_t>(top_ - word) * sizeof(uint32_t);
  }

 private:
  static constexpr uint32_t kPaint = 0xA5A5A5A5;
  static constexpr int kOwnWords = 16;

  uint32_t* top_ = nullptr;
};

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_STACK_H_
