// NOR flash in memory that loses its power at a chosen byte.
#ifndef TESTS_SESSION_FAKE_FLASH_H_
#define TESTS_SESSION_FAKE_FLASH_H_

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "tflm_training/checkpoint_store.h"

namespace tflm_training {

// Every byte that is erased or programmed costs one unit of the power that is left. The byte at
// which it runs out is left half done: an arbitrary part of its bits has changed. Programming
// only clears bits, as flash does.
class FakeFlash : public CheckpointFlash {
 public:
  // What a cut erasure leaves of the bytes that it had not come to.
  enum class Rest { kOld, kGarbage, kRisenBits };

  FakeFlash(uint32_t slot_bytes, uint32_t program_bytes, Rest rest, unsigned seed)
      : slot_bytes_(slot_bytes), program_bytes_(program_bytes), rest_(rest), random_(seed) {
    for (std::vector<uint8_t>& slot : slots) slot.assign(slot_bytes, 0xFF);
  }

  void CutAfter(int64_t bytes) { power_ = bytes; }
  void PowerUp() { power_ = INT64_MAX; }
  bool is_on() const { return power_ > 0; }

  uint32_t slot_bytes() const override { return slot_bytes_; }
  uint32_t program_bytes() const override { return program_bytes_; }

  bool Erase(int slot) override {
    if (!is_on()) return false;
    for (uint8_t& byte : slots[slot]) {
      if (power_ > 0 && --power_ > 0) {
        byte = 0xFF;
      } else if (rest_ == Rest::kGarbage) {
        byte = Random();
      } else if (rest_ == Rest::kRisenBits) {
        byte |= Random();
      }
    }
    return is_on();
  }

  bool Program(int slot, uint32_t offset, const void* data, uint32_t bytes) override {
    misused |= offset % program_bytes_ != 0 || bytes % program_bytes_ != 0 ||
               offset + bytes > slot_bytes_;
    const uint8_t* source = static_cast<const uint8_t*>(data);
    for (uint32_t i = 0; i < bytes && power_ > 0; ++i) {
      const uint8_t unprogrammed = --power_ > 0 ? 0 : Random();
      slots[slot][offset + i] &= static_cast<uint8_t>(source[i] | unprogrammed);
    }
    return is_on();
  }

  bool Read(int slot, uint32_t offset, void* data, uint32_t bytes) override {
    if (!is_on() || slot == unreadable) return false;
    std::copy_n(slots[slot].begin() + offset, bytes, static_cast<uint8_t*>(data));
    return true;
  }

  std::vector<uint8_t> slots[kCheckpointSlots];
  int unreadable = -1;   // a slot whose reads fail
  bool misused = false;  // whether the rules of CheckpointFlash were broken

 private:
  uint8_t Random() { return static_cast<uint8_t>(random_()); }

  uint32_t slot_bytes_;
  uint32_t program_bytes_;
  Rest rest_;
  std::mt19937 random_;
  int64_t power_ = INT64_MAX;
};

}  // namespace tflm_training

#endif  // TESTS_SESSION_FAKE_FLASH_H_
