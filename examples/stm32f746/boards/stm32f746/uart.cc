#include "examples/stm32f746/boards/stm32f746/uart.h"

#include "examples/stm32f746/board.h"
#include "examples/stm32f746/boards/registers.h"
#include "examples/stm32f746/boards/stm32f746/stm32f746.h"

namespace {

constexpr uint32_t kUsart1Interrupt = 37;

// Filled by the interrupt, emptied by ReadByte(). Each index has one writer. A power of two
// larger than any frame, so that a request fits that arrives during a step.
constexpr uint32_t kRingBytes = 2048;
volatile uint8_t ring[kRingBytes];
volatile uint32_t received = 0;
volatile uint32_t taken = 0;

// Switches a pin of a port to its alternate function 7, fast.
void AlternateFunction7(uint32_t port, uint32_t pin) {
  const uint32_t function = port + (pin < 8 ? kGpioAfrl : kGpioAfrh);
  Register(function) = (Register(function) & ~(0xFu << (pin % 8 * 4))) | (7u << (pin % 8 * 4));
  Register(port + kGpioOspeedr) |= 2u << (pin * 2);
  Register(port + kGpioModer) = (Register(port + kGpioModer) & ~(3u << (pin * 2))) |
                                (2u << (pin * 2));
}

}  // namespace

void StartUart(uint32_t apb2_hz, uint32_t baud_rate) {
  Register(kRccAhb1enr) |= 3;  // GPIOA, GPIOB
  Register(kRccApb2enr) |= 1u << 4;  // USART1
  WaitForClock(kRccApb2enr);
  AlternateFunction7(kGpioA, 9);     // transmit
  AlternateFunction7(kGpioB, 7);     // receive
  // A line that nobody drives reads as idle.
  Register(kGpioB + kGpioPupdr) = (Register(kGpioB + kGpioPupdr) & ~(3u << 14)) | (1u << 14);
  Register(kUsart1Brr) = (apb2_hz + baud_rate / 2) / baud_rate;
  Register(kUsart1Cr1) = kUsartEnable | kUsartReceiver | kUsartTransmitter | kUsartRxneInterrupt;
  Register(kNvicSetEnable + kUsart1Interrupt / 32 * 4) = 1u << (kUsart1Interrupt % 32);
}

extern "C" void Usart1Handler() {
  const uint32_t status = Register(kUsart1Isr);
  if ((status & kUsartErrors) != 0) Register(kUsart1Icr) = kUsartErrors;
  if ((status & kUsartReceived) == 0) return;
  const uint8_t byte = static_cast<uint8_t>(Register(kUsart1Rdr));
  // A byte without room is lost; the frame's CRC tells.
  if (received - taken == kRingBytes) return;
  ring[received % kRingBytes] = byte;
  received = received + 1;
}

namespace board {

bool ReadByte(uint8_t* byte) {
  if (taken == received) return false;
  *byte = ring[taken % kRingBytes];
  taken = taken + 1;
  return true;
}

void Write(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while ((Register(kUsart1Isr) & kUsartTransmitEmpty) == 0) {
    }
    Register(kUsart1Tdr) = data[i];
  }
}

}  // namespace board
