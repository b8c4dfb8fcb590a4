// What the losses share; see "Losses" in docs/arithmetic.md.
#ifndef KERNELS_CORE_LOSS_H_
#define KERNELS_CORE_LOSS_H_

#include <cstdint>

namespace tflm_training {

// A finite number above zero. A learning rate that is none asks for no training.
inline bool IsPositive(float value) {
  constexpr float kLargestFloat = 3.40282347e38f;
  return value > 0.0f && value <= kLargestFloat;
}

// A logarithm to base 2 as one to base e, both with 16 fraction bits, rounded down.
inline int64_t NaturalFromLog2Q16(int64_t log2_q16) {
  constexpr int64_t kLn2Q16 = 45426;
  return (log2_q16 * kLn2Q16) >> 16;
}

// A loss with 16 fraction bits as a float.
inline float LossFromQ16(int64_t loss_q16) {
  return static_cast<float>(loss_q16) * (1.0f / 65536.0f);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_LOSS_H_
