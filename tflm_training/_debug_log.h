#ifndef TFLM_TRAINING_DEBUG_LOG_H_
#define TFLM_TRAINING_DEBUG_LOG_H_

#include <cstdarg>

extern "C" {

// What TFLite Micro calls to print; see tensorflow/lite/micro/debug_log.h.
void DebugLog(const char* format, va_list args);

// Forgets what this thread has logged.
void TflmTrainingClearLog();

// What this thread has logged since the last TflmTrainingClearLog(): at most 4096 bytes,
// lines end in "\r\n". Valid until the next log or clear on this thread.
const char* TflmTrainingLog();

}  // extern "C"

#endif  // TFLM_TRAINING_DEBUG_LOG_H_
