// MPS2 AN500 as QEMU models it: UART0 is a CMSDK APB UART, the counter a CMSDK APB timer (Arm
// DDI 0479, chapters 4.3 and 4.1).

#include "examples/stm32f746/board.h"

#include "examples/stm32f746/boards/registers.h"
#include "examples/stm32f746/boards/systick.h"

namespace board {
namespace {

constexpr uint32_t kCoreHz = 25'000'000;
constexpr uint32_t kTimer0 = 0x40000000;
constexpr uint32_t kTimerControl = kTimer0;
constexpr uint32_t kTimerValue = kTimer0 + 0x04;
constexpr uint32_t kTimerReload = kTimer0 + 0x08;
constexpr uint32_t kUart0 = 0x40004000;
constexpr uint32_t kUartData = kUart0;
constexpr uint32_t kUartState = kUart0 + 0x04;  // bit 0: transmitter full, 1: received
constexpr uint32_t kUartControl = kUart0 + 0x08;
constexpr uint32_t kUartBaudDivider = kUart0 + 0x10;

}  // namespace

void Init(int, char**) {
  Register(kUartBaudDivider) = kCoreHz / 115200;
  Register(kUartControl) = 3;  // transmitter and receiver on
  Register(kTimerReload) = UINT32_MAX;
  Register(kTimerValue) = UINT32_MAX;
  Register(kTimerControl) = 1;  // on
  StartSysTick(kCoreHz);
}

// Polled: the emulator holds bytes back until the register is free, none is ever lost.
bool ReadByte(uint8_t* byte) {
  if ((Register(kUartState) & 2) == 0) return false;
  *byte = static_cast<uint8_t>(Register(kUartData));
  return true;
}

void Write(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while ((Register(kUartState) & 1) != 0) {
    }
    Register(kUartData) = data[i];
  }
}

// The timer counts down. With QEMU's -icount shift=0 a tick is 40 instructions.
uint32_t Ticks() { return UINT32_MAX - Register(kTimerValue); }
uint32_t TicksPerSecond() { return kCoreHz; }

// Not WFI: no interrupt tells of a received byte.
void Idle() {}

}  // namespace board
