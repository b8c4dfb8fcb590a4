// STM32F746G-DISCO: 216 MHz from the 25 MHz crystal, caches on.

#include "examples/stm32f746/board.h"

#include "examples/stm32f746/boards/registers.h"
#include "examples/stm32f746/boards/stm32f746/stm32f746.h"
#include "examples/stm32f746/boards/stm32f746/uart.h"
#include "examples/stm32f746/boards/systick.h"

#ifndef BAUD_RATE
#define BAUD_RATE 115200
#endif

namespace board {
namespace {

constexpr uint32_t kCoreHz = 216'000'000;
constexpr uint32_t kApb2Hz = kCoreHz / 2;

void WaitFor(uint32_t address, uint32_t bits, uint32_t value) {
  while ((Register(address) & bits) != value) {
  }
}

// RM0385, 5.2 (clocks) and 4.1.4 (over-drive mode, which 216 MHz needs).
void StartClocks() {
  Register(kRccCr) |= kHseOn;
  WaitFor(kRccCr, kHseReady, kHseReady);

  // 25 MHz / 25 * 432 / 2; Q = 9 gives 48 MHz; bit 29 keeps its reset value.
  Register(kRccPllcfgr) = 25u | 432u << 6 | 0u << 16 | 1u << 22 | 9u << 24 | 1u << 29;
  Register(kRccCr) |= kPllOn;

  Register(kRccApb1enr) |= 1u << 28;  // power control
  WaitForClock(kRccApb1enr);
  Register(kPwrCr1) |= kOverDrive;
  WaitFor(kPwrCsr1, kOverDrive, kOverDrive);
  Register(kPwrCr1) |= kOverDriveSwitching;
  WaitFor(kPwrCsr1, kOverDriveSwitching, kOverDriveSwitching);

  Register(kFlashAcr) = kFlashPrefetch | kFlashAccelerator | 7;  // 7 wait states
  WaitFor(kFlashAcr, 0xF, 7);
  WaitFor(kRccCr, kPllReady, kPllReady);
  Register(kRccCfgr) = 5u << 10 | 4u << 13 | 2u;  // APB1 / 4, APB2 / 2, run from the PLL
  WaitFor(kRccCfgr, 3u << 2, 2u << 2);
}

// As the architecture asks: invalidate, then switch on (ARMv7-M ARM, B2.2). No DMA writes to
// memory here, so nothing else has to know of the data cache.
void StartCaches() {
  asm volatile("dsb\n isb" ::: "memory");
  Register(kIciallu) = 0;
  Register(kCsselr) = 0;  // the data cache
  asm volatile("dsb" ::: "memory");
  const uint32_t geometry = Register(kCcsidr);
  const uint32_t last_set = geometry >> 13 & 0x7FFF;
  const uint32_t last_way = geometry >> 3 & 0x3FF;
  for (uint32_t set = 0; set <= last_set; ++set) {
    // Four ways of lines of 32 bytes.
    for (uint32_t way = 0; way <= last_way; ++way) Register(kDcisw) = set << 5 | way << 30;
  }
  asm volatile("dsb" ::: "memory");
  Register(kCcr) |= 3u << 16;
  asm volatile("dsb\n isb" ::: "memory");
}

// The debug unit counts the core's cycles (ARMv7-M ARM, C1.8); on a Cortex-M7 it is locked.
void StartCycleCounter() {
  Register(kDemcr) |= 1u << 24;
  Register(kDwtLockAccess) = 0xC5ACCE55;
  Register(kDwtCycleCount) = 0;
  Register(kDwtControl) |= 1;
}

}  // namespace

void Init(int, char**) {
  StartClocks();
  StartCaches();
  StartCycleCounter();
  StartSysTick(kCoreHz);
  StartUart(kApb2Hz, BAUD_RATE);
}

uint32_t Ticks() { return Register(kDwtCycleCount); }
uint32_t TicksPerSecond() { return kCoreHz; }

// The clock wakes the core at least once a millisecond.
void Idle() { asm volatile("wfi"); }

}  // namespace board
