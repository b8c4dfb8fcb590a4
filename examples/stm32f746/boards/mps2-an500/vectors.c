// Vector table for the MPS2 AN500: the 16 exceptions of the core; no interrupt is used.

#include <stdint.h>

extern uint32_t __stack_top__;
void Reset_Handler(void);
void Default_Handler(void);
void SysTick_Handler(void);

__attribute__((section(".isr_vector"), used)) void (*const vectors[16])(void) = {
    (void (*)(void)) & __stack_top__,
    Reset_Handler,
    [2 ... 6] = Default_Handler,
    [11 ... 12] = Default_Handler,
    [14] = Default_Handler,
    [15] = SysTick_Handler,
};
