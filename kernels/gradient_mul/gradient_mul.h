// A gradient times an int8 tensor: gradients of MUL, and of ADD and SUB where they broadcast.
#ifndef KERNELS_GRADIENT_MUL_GRADIENT_MUL_H_
#define KERNELS_GRADIENT_MUL_GRADIENT_MUL_H_

#include <cstdint>

#include "kernels/core/gradient.h"

namespace tflm_training {

// Same words, same order as GradientMul in converter/ir/gradient_ops.py.
struct GradientMulOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
  int32_t dims[4];      // the output's shape, each >= 1
  int32_t reduced[4];   // 1 where the operand is broadcast over the dimension, else 0
  int32_t repeated[4];  // 1 where `other` is broadcast over it, else 0
  int32_t zero_point;   // of `other`, -128..127
  int32_t gradient_bits;  // 1..15, int8 1..7, of the gradient that is written
  int32_t mask_min;
  int32_t mask_max;
  float scale_factor;  // of `other`
};
static_assert(sizeof(GradientMulOptions) == 18 * 4, "a record of 32-bit words");

// Multiplies a gradient with other - zero_point and sums over the reduced dimensions.
//
//   gradient [dims] mantissas
//   scale    of `gradient`; without a gradient nothing is written. The product of max|m|, 255 and
//            the number of terms of a sum must be below 2^31, which the converter sees to
//   other    [dims] without the repeated dimensions; nullptr for zeros
//   mask     of the operand, [dims] without the reduced dimensions
//   result   mantissas of that shape, |m| < 2^gradient_bits. Without reduced dimensions written in
//            ascending order, and it may be `gradient`, or overlap `gradient`, `other` or the
//            mask as converter/planning/sharing.py allows
//
// Returns the scale of `result`. The caller owns all memory. Stack: 256 bytes and a little.
// Source: docs/arithmetic.md.
GradientScale GradientMul(const GradientMulOptions& options, Mantissas gradient,
                          GradientScale scale, const int8_t* other, ActivationMask mask,
                          MutableMantissas result);

}  // namespace tflm_training

#endif  // KERNELS_GRADIENT_MUL_GRADIENT_MUL_H_
