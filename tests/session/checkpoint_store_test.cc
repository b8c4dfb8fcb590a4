// CheckpointStore: the newest checkpoint survives a loss of power at every byte.

#include "tflm_training/checkpoint_store.h"

#include <cstring>

#include "gtest/gtest.h"
#include "tests/session/fake_flash.h"
#include "tests/session/session_model.h"

namespace tflm_training {
namespace {

constexpr uint32_t kSlotBytes = 256;
using Rest = FakeFlash::Rest;

class CheckpointStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(device_.session.Init(), kTfLiteOk); }

  // Trains on and saves `saves` times; leaves the variables of the last save in `saved_`.
  void Fill(FakeFlash& flash, int saves) {
    CheckpointStore store(flash);
    device_.session.Reset();
    saved_.clear();
    for (int i = 0; i < saves; ++i) {
      device_.Train(3);
      ASSERT_EQ(store.Save(device_.session), kTfLiteOk);
      saved_ = device_.Variables();
    }
    device_.Train(3);
    unsaved_ = device_.Variables();
  }

  // What a device finds after a reboot; empty if it finds no checkpoint.
  std::vector<uint8_t> Reboot(FakeFlash& flash) {
    flash.PowerUp();
    CheckpointStore store(flash);
    device_.session.Reset();
    if (store.Restore(device_.session) == kTfLiteOk) return device_.Variables();
    EXPECT_EQ(store.error(), StoreError::kNoCheckpoint);
    return {};
  }

  // Cuts the power at every byte of a save onto `saves` earlier ones. Returns the positions.
  int CutEverywhere(int saves, uint32_t program_bytes, Rest rest) {
    for (int position = 0;; ++position) {
      FakeFlash flash(kSlotBytes, program_bytes, rest, static_cast<unsigned>(position));
      Fill(flash, saves);
      flash.CutAfter(position);
      bool saved = false;
      {
        CheckpointStore store(flash);
        saved = store.Save(device_.session) == kTfLiteOk;
      }
      const bool was_cut = !flash.is_on();
      EXPECT_NE(saved, was_cut);
      const std::vector<uint8_t> found = Reboot(flash);
      EXPECT_TRUE(found == unsaved_ || (!saved && found == saved_)) << position;
      ExpectUsable(flash, found);
      EXPECT_FALSE(flash.misused);
      if (HasFailure() || !was_cut) return position;
    }
  }

  // After a cut the store saves again, and a second cut half-way through is survived too.
  void ExpectUsable(FakeFlash& flash, const std::vector<uint8_t>& found) {
    CheckpointStore store(flash);
    device_.Train(1);
    flash.CutAfter(kSlotBytes + 20);
    EXPECT_EQ(store.Save(device_.session), kTfLiteError);
    EXPECT_EQ(Reboot(flash), found);
    device_.Train(2);
    const std::vector<uint8_t> next = device_.Variables();
    EXPECT_EQ(store.Save(device_.session), kTfLiteOk);
    EXPECT_EQ(Reboot(flash), next);
  }

  Device device_;
  // Of the last save, and after the training behind it.
  std::vector<uint8_t> saved_;
  std::vector<uint8_t> unsaved_;
};

TEST_F(CheckpointStoreTest, APowerCutAtAnyByteLeavesTheOldOrTheNewCheckpoint) {
  int positions = 0;
  for (const uint32_t program_bytes : {1u, 8u, 32u}) {
    for (const Rest rest : {Rest::kOld, Rest::kGarbage, Rest::kRisenBits}) {
      for (int saves = 0; saves <= 3; ++saves) {
        positions += CutEverywhere(saves, program_bytes, rest);
        ASSERT_FALSE(HasFailure()) << program_bytes << " " << saves;
      }
    }
  }
  RecordProperty("positions", positions);
  EXPECT_GT(positions, 10000);
}

TEST_F(CheckpointStoreTest, EmptyFlashHoldsNoCheckpoint) {
  FakeFlash flash(kSlotBytes, 8, Rest::kOld, 0);
  CheckpointStore store(flash);
  const std::vector<uint8_t> before = device_.Variables();
  EXPECT_EQ(store.Newest(), nullptr);
  EXPECT_EQ(store.Restore(device_.session), kTfLiteError);
  EXPECT_EQ(store.error(), StoreError::kNoCheckpoint);
  EXPECT_EQ(device_.Variables(), before);
}

TEST_F(CheckpointStoreTest, TheApplicationsDataComeBack) {
  FakeFlash flash(kSlotBytes, 32, Rest::kOld, 0);
  CheckpointStore store(flash);
  const uint32_t saved = 0xC0FFEE;
  ASSERT_EQ(store.Save(device_.session, &saved, sizeof(saved)), kTfLiteOk);
  uint32_t restored = 0;
  ASSERT_EQ(store.Restore(device_.session, &restored, sizeof(restored)), kTfLiteOk);
  EXPECT_EQ(restored, saved);
}

TEST_F(CheckpointStoreTest, TheSequenceRunsOver) {
  FakeFlash flash(kSlotBytes, 1, Rest::kOld, 0);
  Fill(flash, 1);
  CommitMark mark{kCommitMagic, UINT32_MAX, 0, 0};
  uint8_t* place = &flash.slots[1][kSlotBytes - sizeof(mark)];
  if (flash.slots[1][0] == 0xFF) place = &flash.slots[0][kSlotBytes - sizeof(mark)];
  mark.checkpoint_bytes = static_cast<uint32_t>(device_.session.checkpoint_bytes());
  mark.crc = Crc32(0, &mark, 12);
  memcpy(place, &mark, sizeof(mark));
  for (int i = 0; i < 3; ++i) {
    CheckpointStore store(flash);
    ASSERT_EQ(store.Save(device_.session), kTfLiteOk);
    const std::vector<uint8_t> saved = device_.Variables();
    device_.Train(1);
    const std::vector<uint8_t> trained = device_.Variables();
    EXPECT_EQ(Reboot(flash), saved);
    device_.Train(2);
  }
}

TEST_F(CheckpointStoreTest, ADamagedOrUnreadableSlotGivesWayToTheOther) {
  FakeFlash flash(kSlotBytes, 1, Rest::kOld, 0);
  Fill(flash, 1);
  const std::vector<uint8_t> first = saved_;
  CheckpointStore store(flash);
  ASSERT_EQ(store.Save(device_.session), kTfLiteOk);  // into slot 1
  flash.unreadable = 1;
  EXPECT_EQ(Reboot(flash), first);
  flash.unreadable = -1;
  EXPECT_EQ(Reboot(flash), unsaved_);
  flash.slots[1][40] ^= 4;
  EXPECT_EQ(Reboot(flash), first);
  flash.slots[1][40] ^= 4;
  for (size_t bit = 0; bit < 8 * sizeof(CommitMark); ++bit) {
    uint8_t& byte = flash.slots[1][kSlotBytes - sizeof(CommitMark) + bit / 8];
    const uint8_t whole = byte;
    byte ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(Reboot(flash), first) << bit;
    byte = whole;
  }
  EXPECT_EQ(Reboot(flash), unsaved_);
}

TEST_F(CheckpointStoreTest, ACheckpointOfAnotherModelIsRefused) {
  FakeFlash flash(kSlotBytes, 1, Rest::kOld, 0);
  ModelTraits traits;
  traits.id = 2;
  Device other(traits);
  ASSERT_EQ(other.session.Init(), kTfLiteOk);
  CheckpointStore store(flash);
  ASSERT_EQ(store.Save(other.session), kTfLiteOk);
  const std::vector<uint8_t> before = device_.Variables();
  EXPECT_EQ(store.Restore(device_.session), kTfLiteError);
  EXPECT_EQ(store.error(), StoreError::kSession);
  EXPECT_EQ(device_.session.error(), TrainingError::kOtherModel);
  EXPECT_EQ(device_.Variables(), before);
}

TEST_F(CheckpointStoreTest, ASlotThatIsTooSmallIsRefusedBeforeAnythingIsErased) {
  const uint32_t needed = static_cast<uint32_t>(device_.session.checkpoint_bytes()) + 16;
  for (const uint32_t program_bytes : {0u, 1u, 512u}) {
    FakeFlash flash(needed - (program_bytes == 1), program_bytes, Rest::kOld, 0);
    flash.slots[0][0] = 1;
    CheckpointStore store(flash);
    EXPECT_EQ(store.Save(device_.session), kTfLiteError);
    EXPECT_EQ(store.error(), StoreError::kSlotTooSmall);
    EXPECT_EQ(flash.slots[0][0], 1);
  }
  FakeFlash flash(needed, 1, Rest::kOld, 0);
  CheckpointStore store(flash);
  EXPECT_EQ(store.Save(device_.session), kTfLiteOk);
}

TEST_F(CheckpointStoreTest, TheNewestServesAsRollback) {
  FakeFlash flash(kSlotBytes, 8, Rest::kOld, 0);
  Fill(flash, 1);
  CheckpointStore store(flash);
  device_.session.SetRollback(store.Newest());
  ASSERT_EQ(store.Save(device_.session), kTfLiteOk);
  device_.Train(3);
  device_.session.SetLargestLoss(1e-6f);
  EXPECT_EQ(device_.session.Train(kSamples[0], 0, 0.02f, nullptr), kTfLiteError);
  EXPECT_TRUE(device_.session.rolled_back());
  EXPECT_EQ(device_.Variables(), unsaved_);
  device_.session.SetRollback(nullptr);
}

}  // namespace
}  // namespace tflm_training
