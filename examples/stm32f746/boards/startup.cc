// Reset: FPU on, memory set up, constructors, main(). The vector table is the board's.

#include <cstdint>

#include "examples/stm32f746/board.h"
#include "examples/stm32f746/boards/registers.h"

int main(int argc, char** argv);

extern "C" {

// Addresses that boards/sections.ld defines.
extern uint32_t __stack_limit__[], __stack_top__[];
extern const uint32_t __data_load__[];
extern uint32_t __data_start__[], __data_end__[];
extern uint32_t __bss_start__[], __bss_end__[];
using Constructor = void (*)();
extern const Constructor __init_array_start__[], __init_array_end__[];

constexpr uint32_t kStackPaint = 0xA5A5A5A5;

[[gnu::noinline, noreturn]] static void Start() {
  // Everything below this function's frame is painted, so that StackUsedBytes() can tell
  // how far the stack ever reached.
  uint32_t* const top = static_cast<uint32_t*>(__builtin_frame_address(0)) - 16;
  for (uint32_t* word = __stack_limit__; word < top; ++word) *word = kStackPaint;
  const uint32_t* load = __data_load__;
  for (uint32_t* word = __data_start__; word < __data_end__; ++word) *word = *load++;
  for (uint32_t* word = __bss_start__; word < __bss_end__; ++word) *word = 0;
  for (const Constructor* next = __init_array_start__; next < __init_array_end__; ++next) {
    (*next)();
  }
  main(0, nullptr);
  for (;;) {
  }
}

[[noreturn]] void Reset_Handler() {
  Register(kCpacr) |= 0xFu << 20;  // before any instruction of the FPU
  asm volatile("dsb\n isb" ::: "memory");
  Start();
}

// A fault, or an interrupt that nobody asked for: stop where a debugger finds it. The host
// sees a device that no longer answers.
[[noreturn]] void Default_Handler() {
  for (;;) {
  }
}

}  // extern "C"

namespace board {

uint32_t StackBytes() {
  return static_cast<uint32_t>(__stack_top__ - __stack_limit__) * 4;
}

uint32_t StackUsedBytes() {
  const uint32_t* word = __stack_limit__;
  while (word < __stack_top__ && *word == kStackPaint) ++word;
  return static_cast<uint32_t>(__stack_top__ - word) * 4;
}

}  // namespace board
