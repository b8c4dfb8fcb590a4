// Checkpoints of a training: what they look like, where they are written to and read from.
//
// docs/checkpoint_format.md is the normative description of the bytes. A checkpoint is
// written and read in pieces, straight from and into the trained weights, so that no second
// copy of them is needed. Nothing here allocates; the stack use is below 200 bytes.
#ifndef TFLM_TRAINING_CHECKPOINT_H_
#define TFLM_TRAINING_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>

namespace tflm_training {

constexpr uint32_t kCheckpointMagic = 0x504B4354;  // the bytes "TCKP"
constexpr uint16_t kCheckpointVersion = 1;
constexpr size_t kModelIdBytes = 16;

// The first bytes of a checkpoint, all words little endian. Behind it lie variable_bytes of
// variables, app_bytes of the application's own and a CRC-32 of everything before.
struct CheckpointHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;           // sizeof(CheckpointHeader)
  uint8_t model_id[kModelIdBytes];  // of the training flatbuffer, see docs/checkpoint_format.md
  uint32_t steps;                  // training steps behind these weights
  uint32_t variable_bytes;
  uint32_t app_bytes;
};
static_assert(sizeof(CheckpointHeader) == 36, "no padding between the fields");

constexpr size_t kCheckpointOverheadBytes = sizeof(CheckpointHeader) + sizeof(uint32_t);

// CRC-32 as in zlib, Ethernet and PNG (reflected polynomial 0xEDB88320). `crc` is the value
// for the bytes before, 0 at the start.
uint32_t Crc32(uint32_t crc, const void* data, size_t bytes);

// Where a checkpoint goes: a flash slot, a file, a radio. Called with successive pieces in
// order; `data` is valid during the call only.
class CheckpointWriter {
 public:
  // Returns false if the bytes could not be taken; the save ends there and fails.
  virtual bool Write(const void* data, size_t bytes) = 0;

 protected:
  ~CheckpointWriter() = default;  // never deleted through this class
};

// Where a checkpoint comes from. It is read twice, once to be checked and once into the
// weights, so it must be able to go back to its start.
class CheckpointReader {
 public:
  // Number of bytes there are, header and CRC included.
  virtual size_t bytes() const = 0;

  // Copies bytes [offset, offset + bytes) to `data`. Returns false if they cannot be read.
  virtual bool Read(size_t offset, void* data, size_t bytes) = 0;

 protected:
  ~CheckpointReader() = default;
};

// A checkpoint in memory. The caller owns the memory.
class MemoryCheckpoint : public CheckpointReader {
 public:
  MemoryCheckpoint(const void* data, size_t bytes)
      : data_(static_cast<const uint8_t*>(data)), bytes_(bytes) {}

  size_t bytes() const override { return bytes_; }
  bool Read(size_t offset, void* data, size_t bytes) override;

 private:
  const uint8_t* data_;
  size_t bytes_;
};

enum class CheckpointFault : uint8_t {
  kNone,
  kUnreadable,     // the reader failed
  kNoCheckpoint,   // the magic number is missing: erased flash, another file
  kVersion,        // of another version of the format
  kTruncated,      // shorter or longer than its header says
  kDamaged,        // the CRC differs
};

// Reads the header and checks the whole checkpoint, CRC included, in one pass. `header` is
// filled where the result is kNone. Belongs to no model in particular.
CheckpointFault VerifyCheckpoint(CheckpointReader& reader, CheckpointHeader* header);

}  // namespace tflm_training

#endif  // TFLM_TRAINING_CHECKPOINT_H_
