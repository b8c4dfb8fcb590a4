// Checkpoints: bit-exact continuation, and refusal of everything that is not whole.

#include "tflm_training/checkpoint.h"

#include <cstring>

#include "gtest/gtest.h"
#include "tests/session/session_model.h"

namespace tflm_training {
namespace {

// Delivers other bytes from `changes_at` on once it has been read through.
class FickleCheckpoint : public CheckpointReader {
 public:
  FickleCheckpoint(const std::vector<uint8_t>& content, bool fails)
      : content_(content), fails_(fails) {}

  size_t bytes() const override { return content_.size(); }
  bool Read(size_t offset, void* data, size_t bytes) override {
    if (read_through_ && fails_) return false;
    memcpy(data, content_.data() + offset, bytes);
    if (read_through_) static_cast<uint8_t*>(data)[0] ^= 1;
    read_through_ = read_through_ || offset + bytes == content_.size();
    return true;
  }

 private:
  const std::vector<uint8_t>& content_;
  bool fails_;
  bool read_through_ = false;
};

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(device_.session.Init(), kTfLiteOk);
    device_.Train(10);
  }

  std::vector<uint8_t> Save(const void* app_data = nullptr, size_t app_bytes = 0) {
    VectorWriter writer;
    EXPECT_EQ(device_.session.Save(writer, app_data, app_bytes), kTfLiteOk);
    return writer.content;
  }

  TfLiteStatus Restore(const std::vector<uint8_t>& content) {
    MemoryCheckpoint reader(content.data(), content.size());
    return device_.session.Restore(reader);
  }

  // The reason for which a checkpoint is refused, having checked that no weight has changed.
  TrainingError Refusal(const std::vector<uint8_t>& content) {
    const std::vector<uint8_t> before = device_.Variables();
    EXPECT_EQ(Restore(content), kTfLiteError);
    const TrainingError error = device_.session.error();
    EXPECT_EQ(device_.Variables(), before);
    EXPECT_EQ(device_.session.steps(), 10u);
    return error;
  }

  Device device_;
};

TEST(Crc32Test, IsThatOfZlib) {
  EXPECT_EQ(Crc32(0, "123456789", 9), 0xCBF43926u);
  EXPECT_EQ(Crc32(Crc32(0, "1234", 4), "56789", 5), 0xCBF43926u);
  EXPECT_EQ(Crc32(0, nullptr, 0), 0u);
}

TEST_F(CheckpointTest, HasTheDocumentedLayout) {
  const uint8_t app[3] = {7, 8, 9};
  const std::vector<uint8_t> content = Save(app, sizeof(app));
  ASSERT_EQ(content.size(), 36u + kClasses * kFeatures + 4 * kClasses + 4 + 3 + 4);
  EXPECT_EQ(content.size(), device_.session.checkpoint_bytes(sizeof(app)));
  const uint8_t start[] = {'T', 'C', 'K', 'P', 1, 0, 36, 0};
  EXPECT_EQ(memcmp(content.data(), start, sizeof(start)), 0);
  for (size_t i = 8; i < 24; ++i) EXPECT_EQ(content[i], 1);
  const uint8_t counts[] = {10, 0, 0, 0, 34, 0, 0, 0, 3, 0, 0, 0};
  EXPECT_EQ(memcmp(content.data() + 24, counts, sizeof(counts)), 0);
  EXPECT_EQ(content[36 + 34], 7);
  uint32_t crc;
  memcpy(&crc, &content[content.size() - 4], 4);
  EXPECT_EQ(crc, Crc32(0, content.data(), content.size() - 4));
}

TEST_F(CheckpointTest, TrainingContinuesBitForBit) {
  const std::vector<uint8_t> content = Save();
  const float loss = device_.Train(30);
  const std::vector<uint8_t> expected = device_.Variables();

  Device rebooted;
  ASSERT_EQ(rebooted.session.Init(), kTfLiteOk);
  MemoryCheckpoint reader(content.data(), content.size());
  ASSERT_EQ(rebooted.session.Restore(reader), kTfLiteOk);
  EXPECT_EQ(rebooted.session.steps(), 10u);
  EXPECT_EQ(rebooted.Train(30), loss);
  EXPECT_EQ(rebooted.Variables(), expected);
  EXPECT_EQ(rebooted.session.steps(), 40u);
}

TEST_F(CheckpointTest, TheApplicationsDataComeBack) {
  const uint32_t saved[2] = {0x12345678, 99};
  const std::vector<uint8_t> content = Save(saved, sizeof(saved));
  uint32_t restored[3] = {0, 0, 42};
  MemoryCheckpoint reader(content.data(), content.size());
  ASSERT_EQ(device_.session.Restore(reader, restored, sizeof(restored)), kTfLiteOk);
  EXPECT_EQ(restored[0], saved[0]);
  EXPECT_EQ(restored[1], saved[1]);
  EXPECT_EQ(restored[2], 42u);
  restored[1] = 0;
  ASSERT_EQ(device_.session.Restore(reader, restored, 4), kTfLiteOk);
  EXPECT_EQ(restored[1], 0u);
  EXPECT_EQ(device_.session.Restore(reader), kTfLiteOk);
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  const std::vector<uint8_t> good = Save("app", 3);
  device_.Train(0);
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::vector<uint8_t> bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_NE(Refusal(bad), TrainingError::kNone) << bit;
  }
  EXPECT_EQ(Restore(good), kTfLiteOk);
}

TEST_F(CheckpointTest, EveryTruncationIsFound) {
  std::vector<uint8_t> content = Save("app", 3);
  std::vector<uint8_t> longer = content;
  longer.push_back(0);
  EXPECT_EQ(Refusal(longer), TrainingError::kDamaged);
  while (!content.empty()) {
    content.pop_back();
    const TrainingError expected =
        content.size() < 4 ? TrainingError::kNoCheckpoint : TrainingError::kDamaged;
    EXPECT_EQ(Refusal(content), expected) << content.size();
  }
}

TEST_F(CheckpointTest, SaysWhyItRefuses) {
  EXPECT_EQ(Refusal(std::vector<uint8_t>(200, 0xFF)), TrainingError::kNoCheckpoint);
  std::vector<uint8_t> other_version = Save();
  other_version[4] = 2;
  EXPECT_EQ(Refusal(other_version), TrainingError::kVersion);
}

TEST_F(CheckpointTest, AnotherModelsIsRefused) {
  ModelTraits traits;
  traits.id = 2;
  Device other(traits);
  ASSERT_EQ(other.session.Init(), kTfLiteOk);
  VectorWriter writer;
  ASSERT_EQ(other.session.Save(writer), kTfLiteOk);
  EXPECT_EQ(Refusal(writer.content), TrainingError::kOtherModel);
}

TEST_F(CheckpointTest, AReaderThatChangesItsMindLeavesTheShippedWeights) {
  Device shipped;
  ASSERT_EQ(shipped.session.Init(), kTfLiteOk);
  const std::vector<uint8_t> content = Save();
  for (const bool fails : {false, true}) {
    FickleCheckpoint reader(content, fails);
    device_.Train(3);
    EXPECT_EQ(device_.session.Restore(reader), kTfLiteError);
    EXPECT_EQ(device_.session.error(), TrainingError::kDamaged);
    EXPECT_EQ(device_.Variables(), shipped.Variables());
    EXPECT_EQ(device_.session.steps(), 0u);
  }
}

TEST_F(CheckpointTest, AFullWriterIsReported) {
  const size_t bytes = device_.session.checkpoint_bytes(3);
  for (size_t limit = 0; limit < bytes; ++limit) {
    VectorWriter writer(limit);
    EXPECT_EQ(device_.session.Save(writer, "app", 3), kTfLiteError) << limit;
    EXPECT_EQ(device_.session.error(), TrainingError::kWrite);
  }
  VectorWriter writer(bytes);
  EXPECT_EQ(device_.session.Save(writer, "app", 3), kTfLiteOk);
  EXPECT_EQ(device_.session.Save(writer, nullptr, 3), kTfLiteError);
  EXPECT_EQ(device_.session.error(), TrainingError::kArgument);
}

}  // namespace
}  // namespace tflm_training
