// Gradient accumulation: pending steps are added to weights and biases once in N samples.
// Formulas: docs/arithmetic.md, APPLY_UPDATES.
#ifndef KERNELS_APPLY_UPDATES_APPLY_UPDATES_H_
#define KERNELS_APPLY_UPDATES_APPLY_UPDATES_H_

#include <cstdint>

#include "kernels/core/weight_update.h"

namespace tflm_training {

// Same words as ApplyUpdates in converter/ir/variable_ops.py.
struct ApplyUpdatesOptions {
  static constexpr int32_t kVersion = 1;
  static constexpr int32_t kMaxSamples = 65536;

  int32_t version;
  int32_t samples;  // N, 1..kMaxSamples
  int32_t classes;  // labels are in 0..classes - 1; 0 for a model without labels
};
static_assert(sizeof(ApplyUpdatesOptions) == 3 * 4, "a record of 32-bit words");

// An entry of the input `bounds`, for one trained tensor.
struct UpdateBounds {
  int32_t clamp;  // 1..127, largest change of one application, LSB
  int32_t limit;  // what |parameter| stays at or below: 1..127 for weights, >= 0 for biases
};

// Counts one sample in `*count`. True, with the count at 0 again, for the N-th. A count outside
// 0..N - 1, which no run leaves behind, is taken for the nearest one.
bool CountSample(int32_t samples, int32_t* count);

// weights[i] += pending[i] for `elements` weights. The sum is rounded to the nearest integer; what
// rounding leaves stays in pending.fractions, and pending.values are 0 afterwards.
void ApplyToWeights(UpdateBounds bounds, int32_t elements, TrainedWeights pending,
                    int8_t* weights);

// biases[i] += pending[i] for `elements` biases; pending is 0 afterwards.
void ApplyToBiases(UpdateBounds bounds, int32_t elements, int32_t* pending, int32_t* biases);

// All saturate, never wrap, and use a constant stack of less than 100 bytes.

}  // namespace tflm_training

#endif  // KERNELS_APPLY_UPDATES_APPLY_UPDATES_H_
