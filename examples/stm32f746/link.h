// The device's end of the line: frames over the board's bytes.
#ifndef EXAMPLES_STM32F746_LINK_H_
#define EXAMPLES_STM32F746_LINK_H_

#include <cstdint>

#include "examples/stm32f746/frame.h"

namespace device {

class Link {
 public:
  static constexpr uint32_t kForever = UINT32_MAX;

  // Waits for a frame with a correct CRC; it is valid until the next call. Answers bad
  // frames with kBadFrame and those of another version with kWrongVersion. Returns false
  // if `milliseconds` have passed, or, where there is an end to them, after a bad frame.
  bool Receive(uint32_t milliseconds, Frame* frame);

  void Send(const FrameWriter& frame);

 private:
  void SendError(uint16_t sequence, ErrorCode code, const char* text);

  FrameReceiver receiver_;
  FrameWriter error_;
};

}  // namespace device

#endif  // EXAMPLES_STM32F746_LINK_H_
