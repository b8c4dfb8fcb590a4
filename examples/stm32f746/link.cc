#include "examples/stm32f746/link.h"

#include <cstring>

#include "examples/stm32f746/board.h"

namespace device {

void Link::Send(const FrameWriter& frame) { board::Write(frame.data(), frame.size()); }

void Link::SendError(uint16_t sequence, ErrorCode code, const char* text) {
  error_.Begin(kError, sequence);
  error_.Append(code);
  error_.Append(text, strlen(text));
  error_.End();
  Send(error_);
}

bool Link::Receive(uint32_t milliseconds, Frame* frame) {
  const uint32_t start = board::Milliseconds();
  uint32_t last_byte = start;
  for (;;) {
    const uint32_t now = board::Milliseconds();
    const bool line_idle = now - last_byte > kGapMilliseconds;
    switch (receiver_.Next(frame, line_idle)) {
      case FrameReceiver::Event::kFrame:
        if (frame->version == kProtocolVersion) return true;
        SendError(frame->sequence, ErrorCode::kWrongVersion, "another protocol version");
        break;
      case FrameReceiver::Event::kBadFrame:
        SendError(0, ErrorCode::kBadFrame, "bad frame");
        if (milliseconds != kForever) return false;
        break;
      case FrameReceiver::Event::kNothing: {
        uint8_t byte;
        if (board::ReadByte(&byte)) {
          receiver_.Append(byte);
          last_byte = board::Milliseconds();
        } else if (milliseconds != kForever && now - start >= milliseconds) {
          return false;
        } else {
          board::Idle();
        }
      }
    }
  }
}

}  // namespace device
