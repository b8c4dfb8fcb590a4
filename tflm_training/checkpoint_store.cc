#include "tflm_training/checkpoint_store.h"

#include <cstring>

#include "kernels/core/tflm.h"

namespace tflm_training {
namespace {

constexpr uint8_t kErased = 0xFF;

uint32_t CrcOf(const CommitMark& mark) { return Crc32(0, &mark, offsetof(CommitMark, crc)); }

// Collects a checkpoint into whole program units.
class SlotWriter : public CheckpointWriter {
 public:
  SlotWriter(CheckpointFlash& flash, int slot, uint32_t offset)
      : flash_(flash),
        slot_(slot),
        offset_(offset),
        capacity_(kLargestProgramBytes / flash.program_bytes() * flash.program_bytes()) {}

  bool Write(const void* data, size_t bytes) override {
    const uint8_t* source = static_cast<const uint8_t*>(data);
    while (bytes > 0) {
      const size_t room = capacity_ - used_;
      const size_t count = bytes < room ? bytes : room;
      memcpy(buffer_ + used_, source, count);
      used_ += static_cast<uint32_t>(count);
      source += count;
      bytes -= count;
      if (used_ == capacity_ && !Program()) return false;
    }
    return true;
  }

  // Fills the last unit up.
  bool Finish() {
    while (used_ % flash_.program_bytes() != 0) buffer_[used_++] = kErased;
    return used_ == 0 || Program();
  }

 private:
  bool Program() {
    const bool done = flash_.Program(slot_, offset_, buffer_, used_);
    offset_ += used_;
    used_ = 0;
    return done;
  }

  CheckpointFlash& flash_;
  int slot_;
  uint32_t offset_;
  uint32_t capacity_;
  uint32_t used_ = 0;
  uint8_t buffer_[kLargestProgramBytes];
};

}  // namespace

bool CheckpointStore::SlotReader::Read(size_t offset, void* data, size_t bytes) {
  if (offset > bytes_ || bytes > bytes_ - offset) return false;
  return flash_.Read(slot_, static_cast<uint32_t>(offset), data, static_cast<uint32_t>(bytes));
}

TfLiteStatus CheckpointStore::Fail(StoreError error, const char* text) {
  MicroPrintf("CheckpointStore: %s", text);
  error_ = error;
  return kTfLiteError;
}

uint32_t CheckpointStore::MarkBytes() const {
  const uint32_t unit = flash_.program_bytes();
  return (static_cast<uint32_t>(sizeof(CommitMark)) + unit - 1) / unit * unit;
}

bool CheckpointStore::ReadMark(int slot, CommitMark* mark) {
  return flash_.slot_bytes() > MarkBytes() &&
         flash_.Read(slot, flash_.slot_bytes() - MarkBytes(), mark, sizeof(*mark)) &&
         mark->magic == kCommitMagic && mark->crc == CrcOf(*mark) &&
         mark->checkpoint_bytes <= flash_.slot_bytes() - MarkBytes();
}

CheckpointStore::Marks CheckpointStore::ReadMarks() {
  Marks marks;
  for (int slot = 0; slot < kCheckpointSlots; ++slot) {
    if (!ReadMark(slot, &marks.of[slot])) marks.of[slot] = {};
  }
  return marks;
}

int CheckpointStore::Marks::first() const {
  if (of[0].checkpoint_bytes == 0) return 1;
  if (of[1].checkpoint_bytes == 0) return 0;
  // A difference, so that the order survives the sequence running over.
  return static_cast<int32_t>(of[1].sequence - of[0].sequence) > 0 ? 1 : 0;
}

bool CheckpointStore::IsWhole(int slot, uint32_t checkpoint_bytes) {
  if (checkpoint_bytes == 0) return false;
  SlotReader reader(flash_);
  reader.Set(slot, checkpoint_bytes);
  CheckpointHeader header;
  return VerifyCheckpoint(reader, &header) == CheckpointFault::kNone;
}

// The slot of the newest whole checkpoint and its mark; kNoSlot if there is none.
int CheckpointStore::FindNewest(CommitMark* mark) {
  const Marks marks = ReadMarks();
  for (const int slot : {marks.first(), marks.second()}) {
    if (IsWhole(slot, marks.of[slot].checkpoint_bytes)) {
      *mark = marks.of[slot];
      return slot;
    }
  }
  *mark = {};
  return kNoSlot;
}

CheckpointReader* CheckpointStore::Newest() {
  CommitMark mark;
  const int slot = FindNewest(&mark);
  if (slot == kNoSlot) return nullptr;
  newest_.Set(slot, mark.checkpoint_bytes);
  return &newest_;
}

TfLiteStatus CheckpointStore::WriteSlot(int slot, TrainingSession& session, const void* app_data,
                                        size_t app_bytes) {
  if (!flash_.Erase(slot)) return Fail(StoreError::kErase, "the flash cannot be erased");
  SlotWriter writer(flash_, slot, 0);
  if (session.Save(writer, app_data, app_bytes) != kTfLiteOk || !writer.Finish()) {
    return Fail(StoreError::kProgram, "the checkpoint cannot be programmed");
  }
  return kTfLiteOk;
}

TfLiteStatus CheckpointStore::Commit(int slot, uint32_t sequence, uint32_t checkpoint_bytes) {
  CommitMark mark{kCommitMagic, sequence, checkpoint_bytes, 0};
  mark.crc = CrcOf(mark);
  SlotWriter writer(flash_, slot, flash_.slot_bytes() - MarkBytes());
  if (!writer.Write(&mark, sizeof(mark)) || !writer.Finish()) {
    return Fail(StoreError::kProgram, "the commit mark cannot be programmed");
  }
  CommitMark read;
  if (!ReadMark(slot, &read) || read.sequence != sequence) {
    return Fail(StoreError::kVerify, "the commit mark does not read back");
  }
  newest_.Set(slot, checkpoint_bytes);
  return kTfLiteOk;
}

TfLiteStatus CheckpointStore::Save(TrainingSession& session, const void* app_data,
                                   size_t app_bytes) {
  error_ = StoreError::kNone;
  const uint32_t unit = flash_.program_bytes();
  const size_t bytes = session.checkpoint_bytes(app_bytes);
  if (unit == 0 || unit > kLargestProgramBytes || flash_.slot_bytes() % unit != 0 ||
      flash_.slot_bytes() < MarkBytes() || bytes > flash_.slot_bytes() - MarkBytes()) {
    return Fail(StoreError::kSlotTooSmall, "the checkpoint does not fit into a slot");
  }
  CommitMark newest;
  const int slot = FindNewest(&newest) == 0 ? 1 : 0;
  TF_LITE_ENSURE_STATUS(WriteSlot(slot, session, app_data, app_bytes));
  const uint32_t checkpoint_bytes = static_cast<uint32_t>(bytes);
  if (!IsWhole(slot, checkpoint_bytes)) {
    return Fail(StoreError::kVerify, "the checkpoint does not read back");
  }
  return Commit(slot, newest.sequence + 1, checkpoint_bytes);
}

TfLiteStatus CheckpointStore::Restore(TrainingSession& session, void* app_data,
                                      size_t app_capacity) {
  error_ = StoreError::kNone;
  CommitMark mark;
  const int slot = FindNewest(&mark);
  if (slot == kNoSlot) {
    return Fail(StoreError::kNoCheckpoint, "neither slot holds a whole checkpoint");
  }
  SlotReader reader(flash_);
  reader.Set(slot, mark.checkpoint_bytes);
  if (session.Restore(reader, app_data, app_capacity) == kTfLiteOk) return kTfLiteOk;
  return Fail(StoreError::kSession, "the newest checkpoint was refused");
}

}  // namespace tflm_training
