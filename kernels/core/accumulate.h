// The inner loops that the convolution gradients share. Products of 16-bit operands are
// what compilers turn into widening vector multiplies.
#ifndef KERNELS_CORE_ACCUMULATE_H_
#define KERNELS_CORE_ACCUMULATE_H_

#include <cstdint>

namespace tflm_training {

// Channels that a kernel accumulates at once; int32_t[kChannelBlock] on the stack is 256
// bytes.
constexpr int32_t kChannelBlock = 64;

// acc[i] += row[i] * factor for i in [0, count).
inline void MultiplyAccumulate(const int8_t* __restrict row, int16_t factor, int32_t count,
                               int32_t* __restrict acc) {
  for (int32_t i = 0; i < count; ++i) {
    acc[i] += static_cast<int16_t>(row[i]) * factor;
  }
}

// acc[i] += a[i] * b[i] for i in [0, count), `a` of int8 or int16.
template <typename T>
void MultiplyAccumulate(const T* __restrict a, const int16_t* __restrict b, int32_t count,
                        int32_t* __restrict acc) {
  for (int32_t i = 0; i < count; ++i) {
    acc[i] += static_cast<int16_t>(a[i]) * b[i];
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_ACCUMULATE_H_
