#include "tools/cortex_m/semihosting.h"

#include <cstdint>

namespace tflm_training {
namespace {

// Arm's "Semihosting for AArch32 and AArch64".
constexpr uint32_t kSysWrite0 = 0x04;
constexpr uint32_t kSysExitExtended = 0x20;
constexpr uint32_t kApplicationExit = 0x20026;

void Call(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm("r0") = operation;
  register const void* r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

// A line that is cut where it does not fit.
class Line {
 public:
  void Add(char c) {
    if (length_ < kConsoleLine - 1) text_[length_++] = c;
  }
  void Add(const char* text) {
    while (*text != '\0') Add(*text++);
  }
  void AddNumber(uint32_t value, uint32_t base) {
    char digits[10];
    int count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (count > 0) Add(digits[--count]);
  }
  const char* text() {
    text_[length_] = '\0';
    return text_;
  }

 private:
  char text_[kConsoleLine];
  int length_ = 0;
};

}  // namespace

void PrintArguments(const char* format, va_list arguments) {
  Line line;
  for (; *format != '\0'; ++format) {
    if (*format != '%') {
      line.Add(*format);
      continue;
    }
    do ++format;
    while (*format == 'l');
    if (*format == 's') {
      line.Add(va_arg(arguments, const char*));
    } else if (*format == 'd') {
      const int value = va_arg(arguments, int);
      if (value < 0) line.Add('-');
      line.AddNumber(value < 0 ? 0u - static_cast<uint32_t>(value) : static_cast<uint32_t>(value),
                     10);
    } else if (*format == 'u' || *format == 'x') {
      line.AddNumber(va_arg(arguments, unsigned), *format == 'u' ? 10 : 16);
    } else {
      line.Add(*format);
    }
  }
  Call(kSysWrite0, line.text());
}

void Exit(int status) {
  const uint32_t block[2] = {kApplicationExit, static_cast<uint32_t>(status)};
  Call(kSysExitExtended, block);
  while (true) {
  }
}

}  // namespace tflm_training
