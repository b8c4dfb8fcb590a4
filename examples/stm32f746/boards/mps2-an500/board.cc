// MPS2 AN500 as QEMU models it: UART0 is a CMSDK APB UART (Arm DDI 0479, chapter 4.3).

#include "examples/stm32f746/board.h"

#include "examples/stm32f746/boards/registers.h"
#include "examples/stm32f746/boards/systick.h"

namespace board {
namespace {

constexpr uint32_t kCoreHz = 25'000'000;
constexpr uint32_t kUart0 = 0x40004000;
constexpr uint32_t kUartData = kUart0;
constexpr uint32_t kUartState = kUart0 + 0x04;  // bit 0: transmitter full, 1: received
constexpr uint32_t kUartControl = kUart0 + 0x08;
constexpr uint32_t kUartBaudDivider = kUart0 + 0x10;

}  // namespace

void Init(int, char**) {
  Register(kUartBaudDivider) = kCoreHz / 115200;
  Register(kUartControl) = 3;  // transmitter and receiver on
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

// Not WFI: no interrupt tells of a received byte.
void Idle() {}

}  // namespace board
