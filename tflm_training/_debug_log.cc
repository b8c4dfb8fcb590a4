// A tiny library that is loaded before the TFLite Micro host library, so that its
// DebugLog takes the place of the library's own, which prints to standard output.
// The text is kept for the exception that the extension raises.

#include "tflm_training/_debug_log.h"

#include <cstdio>
#include <string>

namespace {
constexpr std::size_t kLongestLog = 4096;  // bytes kept; the first lines name the cause
thread_local std::string log_text;
}  // namespace

extern "C" {

void DebugLog(const char* format, va_list args) {
  char line[512];
  std::vsnprintf(line, sizeof(line), format, args);
  if (log_text.size() + sizeof(line) < kLongestLog) log_text += line;
}

void TflmTrainingClearLog() { log_text.clear(); }

const char* TflmTrainingLog() { return log_text.c_str(); }

}  // extern "C"
