// Frames of the device protocol: writing one, and finding them in a stream of bytes.
#ifndef EXAMPLES_STM32F746_FRAME_H_
#define EXAMPLES_STM32F746_FRAME_H_

#include <cstddef>
#include <cstdint>

#include "examples/stm32f746/protocol.h"

namespace device {

// A frame in the receiver's memory, valid until the next call of it.
struct Frame {
  uint8_t version;
  uint8_t type;
  uint16_t sequence;
  const uint8_t* payload;
  size_t payload_bytes;
  uint32_t crc;
};

// One frame to send, built in place. Bytes beyond kMaxPayloadBytes are dropped.
class FrameWriter {
 public:
  void Begin(uint8_t type, uint16_t sequence);
  void Append(const void* data, size_t size);
  // A number as it lies in memory: both ends are little endian.
  template <typename T>
  void Append(T value) {
    Append(&value, sizeof(value));
  }
  // Bytes that Append still takes.
  size_t Room() const { return kHeaderBytes + kMaxPayloadBytes - size_; }
  // Writes length and CRC.
  void End();

  const uint8_t* data() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  uint8_t bytes_[kMaxFrameBytes];
  size_t size_ = 0;
};

// Collects bytes and finds frames among them. After a bad frame it looks for the next one
// from the byte after the bad one's first, so that no good frame behind it is lost.
class FrameReceiver {
 public:
  enum class Event { kNothing, kFrame, kBadFrame };

  void Append(uint8_t byte) { bytes_[size_++] = byte; }

  // What the bytes so far hold; call it after every Append() until it returns kNothing.
  // line_idle: no more bytes are coming, what is left is a bad frame.
  Event Next(Frame* frame, bool line_idle);

 private:
  void Discard(size_t count);

  uint8_t bytes_[kMaxFrameBytes];
  size_t size_ = 0;
  size_t returned_ = 0;   // bytes of the frame that the last call returned
  bool skipped_ = false;  // bytes since the last frame, good or bad
};

}  // namespace device

#endif  // EXAMPLES_STM32F746_FRAME_H_
