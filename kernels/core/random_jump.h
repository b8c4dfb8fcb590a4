// The state of the generator many draws ahead, so that rows of weights that are computed side
// by side draw what they would draw one after the other.
#ifndef KERNELS_CORE_RANDOM_JUMP_H_
#define KERNELS_CORE_RANDOM_JUMP_H_

#include <cstdint>

#include "kernels/core/random.h"

namespace tflm_training {

// xorshift32 is linear over GF(2): a number of draws is a 32 x 32 bit matrix. 128 bytes;
// building it takes 32 * draws steps, a jump about 130 instructions.
class RandomJump {
 public:
  explicit RandomJump(int32_t draws) {
    for (int bit = 0; bit < 32; ++bit) {
      Random random(uint32_t{1} << bit);
      for (int32_t i = 0; i < draws; ++i) random.Next();
      images_[bit] = random.state();
    }
  }

  uint32_t operator()(uint32_t state) const {
    uint32_t result = 0;
    for (int bit = 0; bit < 32; ++bit) {
      result ^= images_[bit] & (0u - ((state >> bit) & 1u));
    }
    return result;
  }

 private:
  uint32_t images_[32];
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_RANDOM_JUMP_H_
