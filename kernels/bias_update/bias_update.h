// The SGD step of an int32 bias. Formulas: docs/arithmetic.md, BIAS_UPDATE.
#ifndef KERNELS_BIAS_UPDATE_BIAS_UPDATE_H_
#define KERNELS_BIAS_UPDATE_BIAS_UPDATE_H_

#include <cstdint>

#include "kernels/core/gradient.h"
#include "kernels/core/random.h"

namespace tflm_training {

// Same words as BiasUpdate in converter/ir/training_ops.py.
struct BiasUpdateOptions {
  static constexpr int32_t kVersion = 2;
  // 2^16 mantissas of 15 bits and a sign sum up within int32.
  static constexpr int32_t kMaxPositions = 65536;

  int32_t version;
  int32_t positions;  // OH * OW, 1..kMaxPositions
  int32_t channels;
  int32_t clamp;  // >= 1, largest change in one step, LSB of the bias
  int32_t limit;  // >= 0, |bias| stays at or below it
};
static_assert(sizeof(BiasUpdateOptions) == 5 * 4, "a record of 32-bit words");

// Moves `bias`, int32 [C], one step against the sum of `gradient`, [positions, C],
// over positions. `update_scale` is 1 / (s_x * s_w), 0 freezes a channel; it has C elements
// if `per_channel`, else one. scale.max_abs must not be 0. Steps are rounded with numbers from
// `random`, in the order of the channels. Never wraps; less than 400 bytes of stack.
void BiasUpdate(const BiasUpdateOptions& options, Mantissas gradient, GradientScale scale,
                float learning_rate, const float* update_scale, bool per_channel,
                int32_t* bias, Random* random);

}  // namespace tflm_training

#endif  // KERNELS_BIAS_UPDATE_BIAS_UPDATE_H_
