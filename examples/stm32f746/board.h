// What the application needs of a board: one byte stream to the host, a clock and a counter.
#ifndef EXAMPLES_STM32F746_BOARD_H_
#define EXAMPLES_STM32F746_BOARD_H_

#include <cstddef>
#include <cstdint>

namespace board {

// Clocks, caches, UART. Called once, first.
void Init(int argc, char** argv);

// The next received byte; false if there is none. Never waits.
bool ReadByte(uint8_t* byte);

// Sends `size` bytes; returns when the last one is on its way.
void Write(const uint8_t* data, size_t size);

// Milliseconds since Init(), modulo 2^32.
uint32_t Milliseconds();

// A counter that always runs, modulo 2^32, and how often it counts in a second. It is to be fine
// enough to time a step and slow enough not to come round during one.
uint32_t Ticks();
uint32_t TicksPerSecond();

// Called when there is nothing to do: sleeps until something may have happened.
void Idle();

// Size of the stack and how much of it was ever used, in bytes; 0 and 0 where the stack
// is not the board's (host).
uint32_t StackBytes();
uint32_t StackUsedBytes();

}  // namespace board

#endif  // EXAMPLES_STM32F746_BOARD_H_
