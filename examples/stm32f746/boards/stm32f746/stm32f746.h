// The registers of the STM32F746 that the example uses (reference manual RM0385).
#ifndef EXAMPLES_STM32F746_BOARDS_STM32F746_STM32F746_H_
#define EXAMPLES_STM32F746_BOARDS_STM32F746_STM32F746_H_

#include <cstdint>

constexpr uint32_t kPwrCr1 = 0x40007000;
constexpr uint32_t kPwrCsr1 = 0x40007004;
constexpr uint32_t kOverDrive = 1u << 16;           // enable in CR1, ready in CSR1
constexpr uint32_t kOverDriveSwitching = 1u << 17;  // likewise

constexpr uint32_t kFlashAcr = 0x40023C00;
constexpr uint32_t kFlashPrefetch = 1u << 8;
constexpr uint32_t kFlashAccelerator = 1u << 9;

constexpr uint32_t kRccCr = 0x40023800;
constexpr uint32_t kHseOn = 1u << 16;
constexpr uint32_t kHseReady = 1u << 17;
constexpr uint32_t kPllOn = 1u << 24;
constexpr uint32_t kPllReady = 1u << 25;
constexpr uint32_t kRccPllcfgr = 0x40023804;
constexpr uint32_t kRccCfgr = 0x40023808;
constexpr uint32_t kRccAhb1enr = 0x40023830;
constexpr uint32_t kRccApb1enr = 0x40023840;
constexpr uint32_t kRccApb2enr = 0x40023844;

constexpr uint32_t kGpioA = 0x40020000;
constexpr uint32_t kGpioB = 0x40020400;
constexpr uint32_t kGpioModer = 0x00;
constexpr uint32_t kGpioOspeedr = 0x08;
constexpr uint32_t kGpioPupdr = 0x0C;
constexpr uint32_t kGpioAfrl = 0x20;
constexpr uint32_t kGpioAfrh = 0x24;

constexpr uint32_t kUsart1Cr1 = 0x40011000;
constexpr uint32_t kUsartEnable = 1u << 0;
constexpr uint32_t kUsartReceiver = 1u << 2;
constexpr uint32_t kUsartTransmitter = 1u << 3;
constexpr uint32_t kUsartRxneInterrupt = 1u << 5;
constexpr uint32_t kUsart1Brr = 0x4001100C;
constexpr uint32_t kUsart1Isr = 0x4001101C;
constexpr uint32_t kUsartErrors = 0xF;  // parity, framing, noise, overrun: ISR and ICR
constexpr uint32_t kUsartReceived = 1u << 5;
constexpr uint32_t kUsartTransmitEmpty = 1u << 7;
constexpr uint32_t kUsart1Icr = 0x40011020;
constexpr uint32_t kUsart1Rdr = 0x40011024;
constexpr uint32_t kUsart1Tdr = 0x40011028;

#endif  // EXAMPLES_STM32F746_BOARDS_STM32F746_STM32F746_H_
