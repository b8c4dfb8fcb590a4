// The state of the generator many draws ahead, so that rows of weights that are computed side
// by side draw what they would draw one after the other.
#ifndef KERNELS_CORE_RANDOM_JUMP_H_
#define KERNELS_CORE_RANDOM_JUMP_H_

#include <cstdint>

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/random.h"

namespace tflm_training {

// A draw of xorshift32 is a linear map T over GF(2), so T^n = P(T) with P = x^n modulo the
// characteristic polynomial of T (H. Haramoto et al., "Efficient Jump Ahead for F2-Linear
// Random Number Generators", 2008). A jump takes 32 draws, or n
// where that is below kFewDraws.
class RandomJump {
 public:
  TFLM_TRAINING_SMALL explicit RandomJump(int32_t draws) : draws_(draws), polynomial_(1) {
    if (draws < kFewDraws) return;
    for (int bit = Bits(static_cast<uint64_t>(draws)) - 1; bit >= 0; --bit) {
      polynomial_ = Product(polynomial_, polynomial_);
      if ((draws >> bit) % 2 != 0) polynomial_ = Product(polynomial_, 2);
    }
  }

  // The state that `draws` draws leave.
  TFLM_TRAINING_NOINLINE uint32_t operator()(uint32_t state) const {
    Random random(state);
    if (draws_ < kFewDraws) {
      for (int32_t i = 0; i < draws_; ++i) random.Next();
      return random.state();
    }
    uint32_t result = 0;
    for (uint32_t rest = polynomial_; rest != 0; rest >>= 1) {
      if (rest % 2 != 0) result ^= random.state();
      random.Next();
    }
    return result;
  }

 private:
  static constexpr int32_t kFewDraws = 64;
  // x^32 of the characteristic polynomial of the shifts 13, 17, 5; bit i is x^i.
  static constexpr uint32_t kReduction = 0x3EC241;

  // a * b modulo the characteristic polynomial.
  TFLM_TRAINING_NOINLINE static uint32_t Product(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (int bit = 31; bit >= 0; --bit) {
      product = product << 1 ^ ((product >> 31) != 0 ? kReduction : 0);
      if ((b >> bit) % 2 != 0) product ^= a;
    }
    return product;
  }

  int32_t draws_;
  uint32_t polynomial_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_RANDOM_JUMP_H_
