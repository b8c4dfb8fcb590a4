// Takes the place of TFLM's own debug_log.cc: that lies in a library of its own object file,
// which the linker does not take once both of its functions are defined here.

#include "examples/stm32f746/log.h"

#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace device {
namespace {

constexpr size_t kLogBytes = 256;
char text[kLogBytes];
size_t used = 0;

}  // namespace

void ClearLog() {
  used = 0;
  text[0] = '\0';
}

const char* Log() {
  while (used > 0 && (text[used - 1] == ' ' || text[used - 1] == ';')) text[--used] = '\0';
  return text;
}

}  // namespace device

extern "C" void DebugLog(const char* format, va_list arguments) {
  using device::text;
  using device::used;
  const size_t room = device::kLogBytes - used;
  const int written = vsnprintf(text + used, room, format, arguments);
  if (written < 0) return;
  const size_t end = used + (static_cast<size_t>(written) < room ? static_cast<size_t>(written) : room - 1);
  for (; used < end; ++used) {
    if (text[used] == '\r') text[used] = ';';
    if (text[used] == '\n') text[used] = ' ';
  }
}

extern "C" int DebugVsnprintf(char* buffer, size_t size, const char* format, va_list arguments) {
  return vsnprintf(buffer, size, format, arguments);
}
