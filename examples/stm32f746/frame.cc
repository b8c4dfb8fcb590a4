#include "examples/stm32f746/frame.h"

#include <cstring>

#include "tflm_training/checkpoint.h"

namespace device {
namespace {

using tflm_training::Crc32;

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  memcpy(&value, bytes, sizeof(value));
  return value;
}

}  // namespace

void FrameWriter::Begin(uint8_t type, uint16_t sequence) {
  memcpy(bytes_, kMagic, sizeof(kMagic));
  bytes_[2] = kProtocolVersion;
  bytes_[3] = type;
  memcpy(bytes_ + 4, &sequence, sizeof(sequence));
  size_ = kHeaderBytes;
}

void FrameWriter::Append(const void* data, size_t size) {
  if (size > Room()) size = Room();
  memcpy(bytes_ + size_, data, size);
  size_ += size;
}

void FrameWriter::End() {
  const uint16_t payload_bytes = static_cast<uint16_t>(size_ - kHeaderBytes);
  memcpy(bytes_ + 6, &payload_bytes, sizeof(payload_bytes));
  const uint32_t crc = Crc32(0, bytes_, size_);
  memcpy(bytes_ + size_, &crc, sizeof(crc));
  size_ += kCrcBytes;
}

void FrameReceiver::Discard(size_t count) {
  size_ -= count;
  memmove(bytes_, bytes_ + count, size_);
}

FrameReceiver::Event FrameReceiver::Next(Frame* frame, bool line_idle) {
  Discard(returned_);
  returned_ = 0;
  Event event = Event::kNothing;
  while (size_ > 0) {
    if (bytes_[0] != kMagic[0] || (size_ > 1 && bytes_[1] != kMagic[1])) {
      // To the next byte that may begin a frame.
      size_t next = 1;
      while (next < size_ && bytes_[next] != kMagic[0]) ++next;
      Discard(next);
      skipped_ = true;
      continue;
    }
    bool bad = line_idle;
    if (size_ >= kHeaderBytes) {
      const size_t payload_bytes = Load<uint16_t>(bytes_ + 6);
      const size_t crc_at = kHeaderBytes + payload_bytes;
      if (payload_bytes > kMaxPayloadBytes) {
        bad = true;
      } else if (size_ >= crc_at + kCrcBytes) {
        const uint32_t crc = Load<uint32_t>(bytes_ + crc_at);
        if (crc == Crc32(0, bytes_, crc_at)) {
          const uint16_t sequence = Load<uint16_t>(bytes_ + 4);
          *frame = {bytes_[2], bytes_[3], sequence, bytes_ + kHeaderBytes, payload_bytes, crc};
          returned_ = crc_at + kCrcBytes;
          skipped_ = false;
          return Event::kFrame;
        }
        bad = true;
      }
    }
    if (!bad) break;
    event = Event::kBadFrame;
    Discard(1);
  }
  // Bytes that looked like no frame at all may have been one.
  if (line_idle && skipped_) event = Event::kBadFrame;
  if (event == Event::kBadFrame) skipped_ = false;
  return event;
}

}  // namespace device
