#include "tflm_training/replay_buffer.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace tflm_training {
namespace {

constexpr int32_t kClasses = 3;
constexpr size_t kSampleBytes = 5;

// Memory of exactly the bytes that are asked for, so that a sanitizer sees what passes them.
class Memory {
 public:
  explicit Memory(size_t samples)
      : words_((ReplayBuffer::BytesFor(samples, kSampleBytes, kClasses) + 3) / 4),
        bytes_(ReplayBuffer::BytesFor(samples, kSampleBytes, kClasses)) {}
  void* data() { return words_.data(); }
  size_t bytes() const { return bytes_; }

 private:
  std::vector<uint32_t> words_;
  size_t bytes_;
};

std::vector<uint8_t> Sample(int32_t value) {
  return std::vector<uint8_t>(kSampleBytes, static_cast<uint8_t>(value));
}

std::vector<int32_t> Counts(const ReplayBuffer& replay) {
  std::vector<int32_t> counts(kClasses, 0);
  for (int32_t i = 0; i < replay.size(); ++i) ++counts[static_cast<size_t>(replay.label(i))];
  return counts;
}

TEST(ReplayBuffer, KeepsEverythingWhileThereIsRoom) {
  Memory memory(6);
  ReplayBuffer replay(memory.data(), memory.bytes(), kSampleBytes, kClasses);
  ASSERT_EQ(replay.capacity(), 6);
  EXPECT_EQ(replay.Draw(), -1);
  for (int32_t i = 0; i < 6; ++i) {
    EXPECT_EQ(replay.Offer(Sample(10 + i).data(), i % kClasses), i);
  }
  EXPECT_EQ(replay.size(), 6);
  for (int32_t i = 0; i < 6; ++i) {
    EXPECT_EQ(replay.label(i), i % kClasses);
    const auto* bytes = static_cast<const uint8_t*>(replay.sample(i));
    EXPECT_EQ(std::vector<uint8_t>(bytes, bytes + kSampleBytes), Sample(10 + i));
  }
}

TEST(ReplayBuffer, ClassesAreBalancedHoweverTheyCome) {
  Memory memory(12);
  ReplayBuffer replay(memory.data(), memory.bytes(), kSampleBytes, kClasses);
  for (int32_t i = 0; i < 500; ++i) replay.Offer(Sample(0).data(), 0);
  EXPECT_EQ(Counts(replay), (std::vector<int32_t>{12, 0, 0}));
  for (int32_t i = 0; i < 30; ++i) replay.Offer(Sample(1).data(), 1);
  EXPECT_EQ(Counts(replay), (std::vector<int32_t>{6, 6, 0}));
  for (int32_t i = 0; i < 30; ++i) replay.Offer(Sample(2).data(), 2);
  EXPECT_EQ(Counts(replay), (std::vector<int32_t>{4, 4, 4}));
  for (int32_t i = 0; i < replay.size(); ++i) {
    EXPECT_EQ(*static_cast<const uint8_t*>(replay.sample(i)), replay.label(i));
  }
}

TEST(ReplayBuffer, EarlyAndLateSamplesStayAlike) {
  // Of 100 samples of one class 10 are kept; over many runs each tenth of them equally often.
  std::vector<int32_t> kept(10, 0);
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    Memory memory(10);
    ReplayBuffer replay(memory.data(), memory.bytes(), kSampleBytes, kClasses, 977 * seed);
    for (int32_t i = 0; i < 100; ++i) replay.Offer(Sample(i).data(), 1);
    for (int32_t i = 0; i < replay.size(); ++i) {
      ++kept[*static_cast<const uint8_t*>(replay.sample(i)) / 10];
    }
  }
  for (int32_t count : kept) EXPECT_NEAR(count, 400, 80);  // 4.2 standard deviations
}

TEST(ReplayBuffer, DrawsEverySample) {
  Memory memory(4);
  ReplayBuffer replay(memory.data(), memory.bytes(), kSampleBytes, kClasses);
  for (int32_t i = 0; i < 4; ++i) replay.Offer(Sample(i).data(), 0);
  std::vector<int32_t> drawn(4, 0);
  for (int32_t i = 0; i < 4000; ++i) ++drawn[static_cast<size_t>(replay.Draw())];
  for (int32_t count : drawn) EXPECT_NEAR(count, 1000, 130);
}

TEST(ReplayBuffer, RefusesOtherLabels) {
  Memory memory(4);
  ReplayBuffer replay(memory.data(), memory.bytes(), kSampleBytes, kClasses);
  EXPECT_EQ(replay.Offer(Sample(1).data(), -1), -1);
  EXPECT_EQ(replay.Offer(Sample(1).data(), kClasses), -1);
  EXPECT_EQ(replay.size(), 0);
}

TEST(ReplayBuffer, WithoutRoomItKeepsNothing) {
  Memory memory(1);
  ReplayBuffer short_of_one(memory.data(), memory.bytes() - 1, kSampleBytes, kClasses);
  ReplayBuffer none(nullptr, 0, kSampleBytes, kClasses);
  ReplayBuffer no_classes(memory.data(), memory.bytes(), kSampleBytes, -1);
  ReplayBuffer many_classes(memory.data(), memory.bytes(), kSampleBytes, INT32_MAX);
  ReplayBuffer huge_samples(memory.data(), memory.bytes(), SIZE_MAX - 3, kClasses);
  for (ReplayBuffer* replay :
       {&short_of_one, &none, &no_classes, &many_classes, &huge_samples}) {
    EXPECT_EQ(replay->capacity(), 0);
    EXPECT_EQ(replay->Offer(Sample(1).data(), 0), -1);
    EXPECT_EQ(replay->Draw(), -1);
  }
}

}  // namespace
}  // namespace tflm_training
