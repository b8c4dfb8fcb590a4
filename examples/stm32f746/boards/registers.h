// Memory-mapped registers, and those of the Cortex-M7 core (Armv7-M Architecture Reference
// Manual, B3).
#ifndef EXAMPLES_STM32F746_BOARDS_REGISTERS_H_
#define EXAMPLES_STM32F746_BOARDS_REGISTERS_H_

#include <cstdint>

inline volatile uint32_t& Register(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

// Reads a register for the time that it takes: a peripheral's clock starts two cycles late.
inline void WaitForClock(uint32_t enable_register) {
  [[maybe_unused]] const uint32_t value = Register(enable_register);
}

constexpr uint32_t kDwtControl = 0xE0001000;
constexpr uint32_t kDwtCycleCount = 0xE0001004;
constexpr uint32_t kDwtLockAccess = 0xE0001FB0;
constexpr uint32_t kSysTickControl = 0xE000E010;
constexpr uint32_t kSysTickReload = 0xE000E014;
constexpr uint32_t kSysTickCurrent = 0xE000E018;
constexpr uint32_t kNvicSetEnable = 0xE000E100;
constexpr uint32_t kCcr = 0xE000ED14;
constexpr uint32_t kCcsidr = 0xE000ED80;
constexpr uint32_t kCsselr = 0xE000ED84;
constexpr uint32_t kCpacr = 0xE000ED88;
constexpr uint32_t kDemcr = 0xE000EDFC;
constexpr uint32_t kIciallu = 0xE000EF50;
constexpr uint32_t kDcisw = 0xE000EF60;

#endif  // EXAMPLES_STM32F746_BOARDS_REGISTERS_H_
