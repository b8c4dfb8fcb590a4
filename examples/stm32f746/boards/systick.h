// A millisecond clock on the core's timer.
#ifndef EXAMPLES_STM32F746_BOARDS_SYSTICK_H_
#define EXAMPLES_STM32F746_BOARDS_SYSTICK_H_

#include <cstdint>

// Starts the clock, which then interrupts once a millisecond.
void StartSysTick(uint32_t core_hz);

#endif  // EXAMPLES_STM32F746_BOARDS_SYSTICK_H_
