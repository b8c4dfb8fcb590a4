#include "examples/stm32f746/boards/systick.h"

#include "examples/stm32f746/board.h"
#include "examples/stm32f746/boards/registers.h"

static volatile uint32_t milliseconds = 0;

extern "C" void SysTick_Handler() { milliseconds = milliseconds + 1; }

void StartSysTick(uint32_t core_hz) {
  Register(kSysTickReload) = core_hz / 1000 - 1;
  Register(kSysTickCurrent) = 0;
  Register(kSysTickControl) = 7;  // core clock, interrupt, on
}

namespace board {

uint32_t Milliseconds() { return milliseconds; }

}  // namespace board
