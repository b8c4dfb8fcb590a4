#include "tflm_training/replay_buffer.h"

#include <cstring>

namespace tflm_training {

ReplayBuffer::ReplayBuffer(void* memory, size_t bytes, size_t sample_bytes, int32_t classes,
                           uint32_t seed)
    : classes_(static_cast<Class*>(memory)),
      labels_(nullptr),
      samples_(nullptr),
      sample_bytes_(sample_bytes),
      class_count_(classes),
      capacity_(0),
      random_(seed) {
  // Before products and sums that could pass size_t.
  if (memory == nullptr || sample_bytes == 0 || sample_bytes > bytes || classes < 0 ||
      static_cast<size_t>(classes) > bytes / sizeof(Class)) {
    return;
  }
  const size_t table = static_cast<size_t>(classes) * sizeof(Class);
  const size_t samples = (bytes - table) / (sizeof(int32_t) + sample_bytes);
  if (samples == 0) return;
  capacity_ = samples < INT32_MAX ? static_cast<int32_t>(samples) : INT32_MAX;
  labels_ = reinterpret_cast<int32_t*>(classes_ + classes);
  samples_ = reinterpret_cast<uint8_t*>(labels_ + capacity_);
  memset(classes_, 0, table);
}

int32_t ReplayBuffer::Offer(const void* sample, int32_t label) {
  if (capacity_ == 0 || label < 0 || label >= class_count_) return -1;
  const int32_t index = Place(label);
  if (index < 0) return -1;
  labels_[index] = label;
  memcpy(samples_ + SampleOffset(index), sample, sample_bytes_);
  return index;
}

// Where a sample of `label` goes; the class counts are those with it.
int32_t ReplayBuffer::Place(int32_t label) {
  Class& own = classes_[label];
  if (own.seen < INT32_MAX) ++own.seen;
  if (size_ < capacity_) {
    ++own.kept;
    return size_++;
  }
  const int32_t largest = LargestClass();
  if (own.kept < classes_[largest].kept) {
    const int32_t index = RandomOf(largest);
    --classes_[largest].kept;
    ++own.kept;
    return index;
  }
  // Of `seen` samples of a class that may hold `kept`, this one stays with kept / seen.
  return RandomBelow(own.seen) < own.kept ? RandomOf(label) : -1;
}

int32_t ReplayBuffer::Draw() {
  return size_ == 0 ? -1 : RandomBelow(static_cast<uint32_t>(size_));
}

int32_t ReplayBuffer::RandomBelow(uint32_t count) {
  // A biased draw is off by less than count / 2^32.
  return static_cast<int32_t>((static_cast<uint64_t>(random_.Next()) * count) >> 32);
}

int32_t ReplayBuffer::LargestClass() const {
  int32_t largest = 0;
  for (int32_t i = 1; i < class_count_; ++i) {
    if (classes_[i].kept > classes_[largest].kept) largest = i;
  }
  return largest;
}

int32_t ReplayBuffer::RandomOf(int32_t label) {
  int32_t skipped = RandomBelow(static_cast<uint32_t>(classes_[label].kept));
  int32_t index = 0;
  while (labels_[index] != label || skipped-- > 0) ++index;
  return index;
}

}  // namespace tflm_training
