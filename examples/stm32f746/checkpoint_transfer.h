// Checkpoints over the line, piece by piece, without a copy of them in memory.
#ifndef EXAMPLES_STM32F746_CHECKPOINT_TRANSFER_H_
#define EXAMPLES_STM32F746_CHECKPOINT_TRANSFER_H_

#include <cstddef>
#include <cstdint>

#include "examples/stm32f746/link.h"
#include "tflm_training/checkpoint.h"

namespace device {

// Puts into a reply what fits of the checkpoint from `offset` on; the rest is let go by.
class PieceWriter final : public tflm_training::CheckpointWriter {
 public:
  PieceWriter(size_t offset, FrameWriter* reply) : skip_(offset), reply_(reply) {}

  bool Write(const void* data, size_t bytes) override;

 private:
  size_t skip_;  // bytes still to come before the piece
  FrameWriter* reply_;
};

// A checkpoint on the host, fetched as it is read.
class RemoteCheckpoint final : public tflm_training::CheckpointReader {
 public:
  // sequence: that of the host's kRestore request.
  RemoteCheckpoint(Link* link, uint16_t sequence, size_t bytes)
      : link_(link), sequence_(sequence), bytes_(bytes) {}

  size_t bytes() const override { return bytes_; }
  // False if the host does not answer, or has something else to say.
  bool Read(size_t offset, void* data, size_t bytes) override;

 private:
  // Fetches the piece that begins at `offset`.
  bool Fetch(size_t offset);

  Link* link_;
  uint16_t sequence_;
  size_t bytes_;
  size_t piece_offset_ = 0;
  size_t piece_bytes_ = 0;
  const uint8_t* piece_ = nullptr;  // in the receiver's memory
  FrameWriter wanted_;
};

}  // namespace device

#endif  // EXAMPLES_STM32F746_CHECKPOINT_TRANSFER_H_
