#include "tflm_training/_runtime_replay.h"

#include <cstring>
#include <stdexcept>

#include "tflm_training/replay_buffer.h"

namespace tflm_training {

std::vector<std::int32_t> ReplayedIndices(const std::vector<std::int32_t>& labels,
                                          std::int32_t capacity, std::int32_t classes,
                                          std::uint32_t seed) {
  if (capacity < 1 || classes < 1) throw std::invalid_argument("a buffer holds 1 sample or more");
  // The index stands for the sample.
  std::vector<std::uint32_t> memory(
      (ReplayBuffer::BytesFor(static_cast<std::size_t>(capacity), sizeof(std::int32_t),
                              static_cast<std::size_t>(classes)) + 3) / 4);
  ReplayBuffer buffer(memory.data(), 4 * memory.size(), sizeof(std::int32_t), classes, seed);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    buffer.Offer(&index, labels[i]);
  }
  std::vector<std::int32_t> kept(static_cast<std::size_t>(buffer.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::memcpy(&kept[i], buffer.sample(static_cast<std::int32_t>(i)), sizeof(kept[i]));
  }
  return kept;
}

}  // namespace tflm_training
