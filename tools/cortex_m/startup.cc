// Reset and exceptions of a bare Cortex-M3, or of an M4 or M7 with a floating-point unit.

#include <cstdint>

#include "tools/cortex_m/semihosting.h"

extern "C" {

int main();
void ResetHandler();

// The linker script's.
extern uint32_t __stack_top__;
extern const uint32_t __data_load__;
extern uint32_t __data_start__;
extern uint32_t __data_end__;
extern uint32_t __bss_start__;
extern uint32_t __bss_end__;

}  // extern "C"

namespace {

constexpr int kFaultStatus = 99;

// The frame that the core pushes: r0-r3, r12, lr, pc, xpsr.
extern "C" __attribute__((used)) void ReportFault(const uint32_t* frame) {
  uint32_t exception;
  __asm volatile("mrs %0, ipsr" : "=r"(exception));
  tflm_training::Print("fault %u at 0x%x\n", static_cast<unsigned>(exception),
                       static_cast<unsigned>(frame[6]));
  tflm_training::Exit(kFaultStatus);
}

__attribute__((naked)) void FaultHandler() { __asm volatile("mov r0, sp\n b ReportFault\n"); }

extern "C" __attribute__((used)) void Start() {
  const uint32_t* load = &__data_load__;
  for (uint32_t* word = &__data_start__; word < &__data_end__; ++word) *word = *load++;
  for (uint32_t* word = &__bss_start__; word < &__bss_end__; ++word) *word = 0;
  tflm_training::Exit(main());
}

struct Vectors {
  uint32_t* stack;
  void (*handlers[15])();
};

__attribute__((section(".vectors"), used)) const Vectors kVectors = {
    &__stack_top__,
    {ResetHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler,
     FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler,
     FaultHandler, FaultHandler, FaultHandler}};

}  // namespace

// CPACR: full access to the floating-point unit, before any code may use it; where there is none, a
// write that is ignored.
__attribute__((naked)) void ResetHandler() {
  __asm volatile(
      "ldr r0, =0xE000ED88\n"
      "ldr r1, [r0]\n"
      "orr r1, r1, #(0xF << 20)\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n"
      "b Start\n");
}
