// The inner loops that the convolution gradients share. Products of 16-bit operands are
// what compilers turn into widening vector multiplies.
#ifndef KERNELS_CORE_ACCUMULATE_H_
#define KERNELS_CORE_ACCUMULATE_H_

#include <cstdint>

#include "kernels/core/mantissas.h"

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

// acc[i] += a[i] * b[i] for i in [0, count), both of int8 or int16.
template <typename A, typename B>
void MultiplyAccumulate(const A* __restrict a, const B* __restrict b, int32_t count,
                        int32_t* __restrict acc) {
  for (int32_t i = 0; i < count; ++i) {
    acc[i] += static_cast<int16_t>(a[i]) * static_cast<int16_t>(b[i]);
  }
}

template <typename A>
void MultiplyAccumulate(const A* a, Mantissas b, int32_t count, int32_t* acc) {
  if (b.is_int8()) {
    MultiplyAccumulate(a, b.int8(), count, acc);
  } else {
    MultiplyAccumulate(a, b.int16(), count, acc);
  }
}

// acc[i] += row[i] for i in [0, count).
template <typename T>
void Accumulate(const T* __restrict row, int32_t count, int32_t* __restrict acc) {
  for (int32_t i = 0; i < count; ++i) acc[i] += row[i];
}

inline void Accumulate(Mantissas row, int32_t count, int32_t* acc) {
  if (row.is_int8()) {
    Accumulate(row.int8(), count, acc);
  } else {
    Accumulate(row.int16(), count, acc);
  }
}

// sum of a[i] * b[i] over i in [0, count).
inline int32_t DotProduct(const int16_t* __restrict a, const int8_t* __restrict b,
                          int32_t count) {
  int32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) sum += a[i] * static_cast<int16_t>(b[i]);
  return sum;
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_ACCUMULATE_H_
