// The newest checkpoint in flash, whole after a power cut at any moment.
//
// Two slots take turns. A save erases the slot that does not hold the newest checkpoint, programs
// the new one there, reads it back, and only then programs its commit mark with the next sequence
// number. Until the mark is whole the other slot counts. docs/checkpoint_format.md has the bytes.
//
//   class MyFlash : public tflm_training::CheckpointFlash { ... };
//   tflm_training::CheckpointStore store(my_flash);
//   if (store.Restore(session) != kTfLiteOk) { /* first start: the shipped weights */ }
//   ...
//   store.Save(session);
//
// No allocation. Stack: less than 700 bytes (Cortex-M, gcc -O2), of which 256 hold what waits
// to be programmed, on top of what the flash driver takes.
#ifndef TFLM_TRAINING_CHECKPOINT_STORE_H_
#define TFLM_TRAINING_CHECKPOINT_STORE_H_

#include <cstddef>
#include <cstdint>

#include "tflm_training/checkpoint.h"
#include "tflm_training/training_session.h"

namespace tflm_training {

constexpr int kCheckpointSlots = 2;
constexpr uint32_t kLargestProgramBytes = 256;

// The application's flash: two slots of equal size, each of whole sectors of their own.
// Every function may fail, and may be cut off by a loss of power at any point.
class CheckpointFlash {
 public:
  // Bytes of one slot.
  virtual uint32_t slot_bytes() const = 0;

  // The smallest piece that can be programmed, 1..kLargestProgramBytes (flash with ECC: its
  // word, for example 8 or 32). slot_bytes() is a multiple of it.
  virtual uint32_t program_bytes() const = 0;

  // Erases slot 0 or 1. Returns false on failure.
  virtual bool Erase(int slot) = 0;

  // Programs `bytes` bytes at `offset` from the slot's start. Both are multiples of
  // program_bytes(), offsets ascend, and nothing is programmed twice between two erasures.
  // Returns false on failure.
  virtual bool Program(int slot, uint32_t offset, const void* data, uint32_t bytes) = 0;

  // Reads. Returns false if the bytes cannot be read, such as after an ECC error; that slot
  // then counts as empty.
  virtual bool Read(int slot, uint32_t offset, void* data, uint32_t bytes) = 0;

 protected:
  ~CheckpointFlash() = default;  // never deleted through this class
};

// The last bytes of a slot, in whole program units; what is left of them is 0xFF.
struct CommitMark {
  uint32_t magic;             // kCommitMagic
  uint32_t sequence;          // the newer one is ahead, modulo 2^32
  uint32_t checkpoint_bytes;  // of the checkpoint at the slot's start
  uint32_t crc;               // CRC-32 of the three words before
};
static_assert(sizeof(CommitMark) == 16, "no padding between the fields");

constexpr uint32_t kCommitMagic = 0x4B524D54;  // the bytes "TMRK"

// Why the last call of a CheckpointStore failed.
enum class StoreError : uint8_t {
  kNone,
  kSlotTooSmall,   // slot_bytes() or program_bytes() do not fit the checkpoint
  kErase,          // the flash driver failed
  kProgram,        // the flash driver or the session failed while it was written
  kVerify,         // what was read back is not what was programmed
  kNoCheckpoint,   // neither slot holds a whole one
  kSession,        // the session refused it: see TrainingSession::error()
};

class CheckpointStore {
 public:
  explicit CheckpointStore(CheckpointFlash& flash) : flash_(flash), newest_(flash) {}

  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;

  // Saves the session. When it fails, for whatever reason, the newest checkpoint of before is
  // still there. `app_data` as in TrainingSession::Save().
  TfLiteStatus Save(TrainingSession& session, const void* app_data = nullptr,
                    size_t app_bytes = 0);

  // Restores the newest whole checkpoint; when it is refused, the session's weights are as
  // TrainingSession::Restore() leaves them. A checkpoint of another model is not passed over.
  TfLiteStatus Restore(TrainingSession& session, void* app_data = nullptr,
                       size_t app_capacity = 0);

  // The newest whole checkpoint, for TrainingSession::SetRollback(); nullptr if there is none.
  // It belongs to the store, and follows it: after Save() it reads the new one.
  CheckpointReader* Newest();

  StoreError error() const { return error_; }

 private:
  class SlotReader : public CheckpointReader {
   public:
    explicit SlotReader(CheckpointFlash& flash) : flash_(flash) {}
    void Set(int slot, uint32_t bytes) {
      slot_ = slot;
      bytes_ = bytes;
    }
    size_t bytes() const override { return bytes_; }
    bool Read(size_t offset, void* data, size_t bytes) override;

   private:
    CheckpointFlash& flash_;
    int slot_ = 0;
    uint32_t bytes_ = 0;
  };

  static constexpr int kNoSlot = -1;

  // The marks of both slots. A mark that is not whole has a checkpoint_bytes of 0.
  struct Marks {
    CommitMark of[kCheckpointSlots];

    // The slots, newest first.
    int first() const;
    int second() const { return 1 - first(); }
  };

  Marks ReadMarks();
  bool ReadMark(int slot, CommitMark* mark);
  uint32_t MarkBytes() const;
  bool IsWhole(int slot, uint32_t checkpoint_bytes);
  int FindNewest(CommitMark* mark);
  TfLiteStatus Fail(StoreError error, const char* text);
  TfLiteStatus WriteSlot(int slot, TrainingSession& session, const void* app_data,
                         size_t app_bytes);
  TfLiteStatus Commit(int slot, uint32_t sequence, uint32_t checkpoint_bytes);

  CheckpointFlash& flash_;
  SlotReader newest_;
  StoreError error_ = StoreError::kNone;
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_CHECKPOINT_STORE_H_
