// Samples seen before, to be trained on again, so that new classes do not displace old ones.
//
//   alignas(4) uint8_t memory[tflm_training::ReplayBuffer::BytesFor(100, 490, 12)];
//   tflm_training::ReplayBuffer replay(memory, sizeof(memory), session.sample_bytes(),
//                                      session.classes());
//   replay.Offer(sample, label);                           // every labelled sample that arrives
//   session.Train(sample, label, learning_rate, &loss);
//   const int32_t old = replay.Draw();                     // one of those kept, at random, or -1
//   if (old >= 0) session.Train(replay.sample(old), replay.label(old), learning_rate, &loss);
//
// While there is room every sample is kept. After that classes are kept balanced, and within a
// class every sample seen is kept with the same probability: class-balancing reservoir sampling
// (A. Chrysakis and M.-F. Moens, "Online Continual Learning from Imbalanced Data", ICML 2020).
//
// The memory is the application's; nothing is allocated. Stack: less than 100 bytes.
#ifndef TFLM_TRAINING_REPLAY_BUFFER_H_
#define TFLM_TRAINING_REPLAY_BUFFER_H_

#include <cstddef>
#include <cstdint>

#include "kernels/core/random.h"

namespace tflm_training {

class ReplayBuffer {
 public:
  // Bytes of memory for `samples` samples of `sample_bytes` bytes in `classes` classes.
  static constexpr size_t BytesFor(size_t samples, size_t sample_bytes, size_t classes) {
    return classes * sizeof(Class) + samples * (sizeof(int32_t) + sample_bytes);
  }

  // `memory`, `bytes` bytes aligned to 4, must outlive the buffer; what does not hold even one
  // sample gives a buffer of capacity 0, which keeps nothing. `seed` chooses what is kept and
  // drawn.
  ReplayBuffer(void* memory, size_t bytes, size_t sample_bytes, int32_t classes,
               uint32_t seed = 1);

  ReplayBuffer(const ReplayBuffer&) = delete;
  ReplayBuffer& operator=(const ReplayBuffer&) = delete;

  // Samples that there is room for, and that are kept.
  int32_t capacity() const { return capacity_; }
  int32_t size() const { return size_; }

  // Keeps a copy of `sample`, or not. Returns its index in the buffer, or -1 if it is not kept,
  // as for a label outside [0, classes).
  int32_t Offer(const void* sample, int32_t label);

  // The index of a sample at random, -1 if there is none.
  int32_t Draw();

  // Valid for indices in [0, size()), until the next Offer().
  const void* sample(int32_t index) const { return samples_ + SampleOffset(index); }
  int32_t label(int32_t index) const { return labels_[index]; }

 private:
  struct Class {
    uint32_t seen;
    int32_t kept;
  };

  size_t SampleOffset(int32_t index) const {
    return static_cast<size_t>(index) * sample_bytes_;
  }
  // An integer in [0, count).
  int32_t RandomBelow(uint32_t count);
  int32_t LargestClass() const;
  // The index of one of the samples of a class that has some, at random.
  int32_t RandomOf(int32_t label);
  int32_t Place(int32_t label);

  Class* classes_;
  int32_t* labels_;
  uint8_t* samples_;
  size_t sample_bytes_;
  int32_t class_count_;
  int32_t capacity_;
  int32_t size_ = 0;
  Random random_;
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_REPLAY_BUFFER_H_
