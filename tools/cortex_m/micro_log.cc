// TFLite Micro's log goes to the emulator's console.

#include <cstdarg>

#include "kernels/core/tflm.h"
#include "tools/cortex_m/semihosting.h"

void VMicroPrintf(const char* format, va_list arguments) {
  tflm_training::Print("log ");
  tflm_training::PrintArguments(format, arguments);
  tflm_training::Print("\n");
}

void MicroPrintf(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  VMicroPrintf(format, arguments);
  va_end(arguments);
}
