// What tools/cortex_m/replay.cc asks of the emulator, on the host: the recording, which the
// environment names, at its address before main() runs, a console, and the end of the run.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tools/cortex_m/semihosting.h"

namespace tflm_training {
namespace {

__attribute__((constructor)) void LoadRecording() {
  const char* const path = getenv("TFLM_TRAINING_RECORDING");
  const int file = open(path == nullptr ? "" : path, O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about) != 0) Exit(2);
  void* const wanted = reinterpret_cast<void*>(uintptr_t{TFLM_TRAINING_RECORDING_ADDRESS});
  void* const mapped = mmap(wanted, static_cast<size_t>(about.st_size), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, 0);
  if (mapped != wanted) Exit(3);
}

}  // namespace

void PrintArguments(const char* format, va_list arguments) { vprintf(format, arguments); }

void Exit(int status) {
  fflush(stdout);
  _exit(status);
}

}  // namespace tflm_training
