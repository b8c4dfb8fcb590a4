// What TFLM and the training session logged, kept for the host.
#ifndef EXAMPLES_STM32F746_LOG_H_
#define EXAMPLES_STM32F746_LOG_H_

namespace device {

void ClearLog();

// The first 255 bytes of what was logged since ClearLog(), line ends as "; ".
const char* Log();

}  // namespace device

#endif  // EXAMPLES_STM32F746_LOG_H_
