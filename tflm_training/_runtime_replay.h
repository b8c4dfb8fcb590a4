// The replay buffer on the host, by the code that runs on a device. Host only: throws and
// allocates.

#ifndef TFLM_TRAINING_RUNTIME_REPLAY_H_
#define TFLM_TRAINING_RUNTIME_REPLAY_H_

#include <cstdint>
#include <vector>

namespace tflm_training {

// The indices of the samples that a ReplayBuffer for `capacity` of them holds after it was
// offered samples with these labels, in the order of the buffer. Throws std::invalid_argument
// if there is no room for one.
std::vector<std::int32_t> ReplayedIndices(const std::vector<std::int32_t>& labels,
                                          std::int32_t capacity, std::int32_t classes,
                                          std::uint32_t seed);

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_REPLAY_H_
