// One step of the weights of a row, which share a factor, for the Arm DSP extension.
#ifndef KERNELS_CORE_WEIGHT_UPDATE_DSP_H_
#define KERNELS_CORE_WEIGHT_UPDATE_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

// The steps of four weights, each clamped to +-clamp, 1..127, on four bytes at once.
class FourSteps {
 public:
  explicit FourSteps(int32_t clamp)
      : above_(AllBytes(INT8_MAX - clamp)), below_(AllBytes(-(INT8_MIN + clamp))) {}

  // Four weights, and what is taken from each.
  TFLM_TRAINING_INLINE uint32_t Moved(uint32_t weights, uint32_t d0, uint32_t d1, uint32_t d2,
                                      uint32_t d3) const {
    return Moved(weights, Uxtb16(PkhbtLsl16(d0, d2)) | Uxtb16(PkhbtLsl16(d1, d3)) << 8);
  }
  TFLM_TRAINING_INLINE uint32_t Moved(uint32_t weights, uint32_t d) const {
    d = Qsub8(Qadd8(d, above_), above_);
    d = Qadd8(Qsub8(d, below_), below_);
    // -128 is not a weight: it becomes -127 on the way down and up again.
    const uint32_t one = AllBytes(1);
    return Qadd8(Qsub8(Qsub8(weights, d), one), one);
  }

 private:
  uint32_t above_;
  uint32_t below_;
};

// UpdateWeight(weights + i, acc[i], factor, clamp, random) for i in [0, count).
TFLM_TRAINING_SMALL inline void UpdateWeightsAsReference(const int32_t* acc, int32_t count,
                                                         const Factor& factor, int32_t clamp,
                                                         const TrainedWeights& weights,
                                                         Random* random) {
  for (int32_t i = 0; i < count; ++i) {
    UpdateWeight(weights + i, acc[i], factor, clamp, random);
  }
}

// UpdateWeight(weights + i, acc[i], factor, clamp, random) for i in [0, count), for a factor
// that trains and a clamp in 1..127. Weights with fractions take the reference's way.
//
// Clamps and the difference are taken on four bytes at once, with saturating sums.
TFLM_TRAINING_NOINLINE inline void UpdateWeights(const int32_t* acc, int32_t count,
                                                 const Factor& factor, int32_t clamp,
                                                 TrainedWeights weights, Random* random) {
  if (factor.shift > 0 && weights.fractions == nullptr) {
    // Locals: for all that a compiler knows, weights are written over what arguments point to.
    Random draws = *random;
    const Factor local = factor;
    const FourSteps limit(clamp);
    const auto step = [&](int32_t sum) {
      return static_cast<uint32_t>(Ssat<8>(StochasticStep(sum, local, &draws)));
    };
    int8_t* values = weights.values;
    for (; count >= 4; count -= 4) {
      const uint32_t d0 = step(acc[0]);
      const uint32_t d1 = step(acc[1]);
      const uint32_t d2 = step(acc[2]);
      const uint32_t d3 = step(acc[3]);
      StoreWord(values, limit.Moved(LoadWord(values), d0, d1, d2, d3));
      values += 4;
      acc += 4;
    }
    weights.values = values;
    *random = draws;
  }
  if (count > 0) UpdateWeightsAsReference(acc, count, factor, clamp, weights, random);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_WEIGHT_UPDATE_DSP_H_
