// Vector table of the STM32F746: 16 exceptions of the core, 98 interrupts (reference
// manual RM0385, table 46).

#include <stdint.h>

extern uint32_t __stack_top__;
void Reset_Handler(void);
void Default_Handler(void);
void SysTick_Handler(void);
void Usart1Handler(void);

__attribute__((section(".isr_vector"), used)) void (*const vectors[16 + 98])(void) = {
    (void (*)(void)) & __stack_top__,
    Reset_Handler,
    [2 ... 6] = Default_Handler,  // NMI, HardFault, MemManage, BusFault, UsageFault
    [11 ... 12] = Default_Handler,
    [14] = Default_Handler,
    [15] = SysTick_Handler,
    [16 ... 52] = Default_Handler,
    [16 + 37] = Usart1Handler,
    [54 ... 113] = Default_Handler,
};
