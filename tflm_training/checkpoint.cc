#include "tflm_training/checkpoint.h"

#include <cstring>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints are little endian and written as they lie in memory"
#endif

namespace tflm_training {
namespace {

constexpr size_t kChunkBytes = 64;

// The CRC of each value of four bits: 64 bytes of flash instead of 1024 for whole bytes.
constexpr uint32_t kCrcOfNibble[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
    0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
    0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

}  // namespace

uint32_t Crc32(uint32_t crc, const void* data, size_t bytes) {
  const uint8_t* byte = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (size_t i = 0; i < bytes; ++i) {
    crc ^= byte[i];
    crc = (crc >> 4) ^ kCrcOfNibble[crc & 15];
    crc = (crc >> 4) ^ kCrcOfNibble[crc & 15];
  }
  return ~crc;
}

bool MemoryCheckpoint::Read(size_t offset, void* data, size_t bytes) {
  if (offset > bytes_ || bytes > bytes_ - offset) return false;
  memcpy(data, data_ + offset, bytes);
  return true;
}

CheckpointFault VerifyCheckpoint(CheckpointReader& reader, CheckpointHeader* header) {
  CheckpointHeader read;
  const size_t bytes = reader.bytes();
  if (bytes < sizeof(read.magic)) return CheckpointFault::kNoCheckpoint;
  if (!reader.Read(0, &read.magic, sizeof(read.magic))) return CheckpointFault::kUnreadable;
  if (read.magic != kCheckpointMagic) return CheckpointFault::kNoCheckpoint;
  if (bytes < kCheckpointOverheadBytes) return CheckpointFault::kTruncated;
  if (!reader.Read(0, &read, sizeof(read))) return CheckpointFault::kUnreadable;
  if (read.version != kCheckpointVersion) return CheckpointFault::kVersion;
  const uint64_t stated =
      kCheckpointOverheadBytes + uint64_t{read.variable_bytes} + uint64_t{read.app_bytes};
  if (read.header_bytes != sizeof(read) || stated != bytes) return CheckpointFault::kTruncated;

  uint32_t crc = 0;
  uint8_t chunk[kChunkBytes];
  const size_t end = bytes - sizeof(crc);
  for (size_t offset = 0; offset < end; offset += kChunkBytes) {
    const size_t count = end - offset < kChunkBytes ? end - offset : kChunkBytes;
    if (!reader.Read(offset, chunk, count)) return CheckpointFault::kUnreadable;
    crc = Crc32(crc, chunk, count);
  }
  uint32_t stored;
  if (!reader.Read(end, &stored, sizeof(stored))) return CheckpointFault::kUnreadable;
  if (stored != crc) return CheckpointFault::kDamaged;
  *header = read;
  return CheckpointFault::kNone;
}

}  // namespace tflm_training
