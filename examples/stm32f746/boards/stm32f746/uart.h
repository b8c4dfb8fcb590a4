// USART1 of the STM32F746G-DISCO: the ST-Link's virtual COM port.
#ifndef EXAMPLES_STM32F746_BOARDS_STM32F746_UART_H_
#define EXAMPLES_STM32F746_BOARDS_STM32F746_UART_H_

#include <cstdint>

// 8 data bits, no parity, one stop bit. apb2_hz: the clock of the USART.
void StartUart(uint32_t apb2_hz, uint32_t baud_rate);

#endif  // EXAMPLES_STM32F746_BOARDS_STM32F746_UART_H_
