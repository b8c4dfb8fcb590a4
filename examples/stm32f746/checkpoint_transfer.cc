#include "examples/stm32f746/checkpoint_transfer.h"

#include <cstring>

namespace device {

bool PieceWriter::Write(const void* data, size_t bytes) {
  if (skip_ >= bytes) {
    skip_ -= bytes;
    return true;
  }
  reply_->Append(static_cast<const uint8_t*>(data) + skip_, bytes - skip_);
  skip_ = 0;
  return true;
}

bool RemoteCheckpoint::Read(size_t offset, void* data, size_t bytes) {
  uint8_t* to = static_cast<uint8_t*>(data);
  while (bytes > 0) {
    if (offset < piece_offset_ || offset >= piece_offset_ + piece_bytes_) {
      if (!Fetch(offset)) return false;
    }
    const size_t skip = offset - piece_offset_;
    const size_t rest = piece_bytes_ - skip;
    const size_t count = bytes < rest ? bytes : rest;
    memcpy(to, piece_ + skip, count);
    to += count;
    offset += count;
    bytes -= count;
  }
  return true;
}

bool RemoteCheckpoint::Fetch(size_t offset) {
  piece_bytes_ = 0;
  if (offset >= bytes_) return false;
  for (int attempt = 0; attempt < kPieceAttempts; ++attempt) {
    wanted_.Begin(kCheckpointPiece | kReplyBit, sequence_);
    wanted_.Append(static_cast<uint32_t>(offset));
    wanted_.End();
    link_->Send(wanted_);
    Frame frame;
    if (!link_->Receive(kPieceMilliseconds, &frame)) continue;
    // The restore itself once more: the host missed the question.
    if (frame.type == kRestore) continue;
    if (frame.type != kCheckpointPiece || frame.payload_bytes <= 4) return false;
    uint32_t at;
    memcpy(&at, frame.payload, sizeof(at));
    if (at != offset) continue;  // an answer to an earlier question
    piece_ = frame.payload + 4;
    piece_offset_ = offset;
    piece_bytes_ = frame.payload_bytes - 4;
    return true;
  }
  return false;
}

}  // namespace device
