// What the program asks of the emulator: a console and the end of the run.
#ifndef TOOLS_CORTEX_M_SEMIHOSTING_H_
#define TOOLS_CORTEX_M_SEMIHOSTING_H_

#include <cstdarg>

namespace tflm_training {

// Prints to the emulator's console. Formats: %s, %d, %u, %x and %%, with any number of
// `l`; longer lines than kConsoleLine are cut.
constexpr int kConsoleLine = 256;
void PrintArguments(const char* format, va_list arguments);
__attribute__((format(printf, 1, 2))) inline void Print(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PrintArguments(format, arguments);
  va_end(arguments);
}

// Ends the emulation; `status` becomes the exit status of the emulator.
[[noreturn]] void Exit(int status);

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_SEMIHOSTING_H_
