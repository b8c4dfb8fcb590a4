// The generator behind stochastic rounding.
#ifndef KERNELS_CORE_RANDOM_H_
#define KERNELS_CORE_RANDOM_H_

#include <cstdint>

namespace tflm_training {

// xorshift32 with the shifts 13, 17, 5 (G. Marsaglia, "Xorshift RNGs", 2003). The state
// is the last number drawn; 0, which the generator cannot leave, is read as 1.
class Random {
 public:
  explicit Random(uint32_t state) : state_(state == 0 ? 1 : state) {}

  uint32_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

  uint32_t state() const { return state_; }

 private:
  uint32_t state_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_RANDOM_H_
