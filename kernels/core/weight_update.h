// One step of one quantised parameter; docs/arithmetic.md, "Updates".
#ifndef KERNELS_CORE_WEIGHT_UPDATE_H_
#define KERNELS_CORE_WEIGHT_UPDATE_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/random.h"

namespace tflm_training {

// Largest |weight|: TFLite's int8 filters are symmetric, -128 is not used.
constexpr int32_t kWeightLimit = 127;

// acc times a factor rounded at random, up with the probability of the fraction, for a shift in
// 1..Factor::kMaxShift. Draws one number.
inline int32_t StochasticStep(int32_t acc, const Factor& factor, Random* random) {
  // |acc * multiplier / 2^32| <= 2^30 and the addend is below 2^30, so their sum fits.
  const auto addend = static_cast<int32_t>(random->Next() >> (32 - factor.shift));
  return Smmla(acc, factor.multiplier, addend) >> factor.shift;
}

// The same for a factor that trains as a step within +-clamp, clamp in 1..2^15. Factors of 2^-32 or
// more, which are rare, round to the nearest integer and draw nothing.
int32_t Step(int32_t acc, const Factor& factor, int32_t clamp, Random* random);

// Weights in training, int8, or int16 in units of 2^-kFractionBits: what is nearest to them
// in `values`, which all other operators read, and the signed rest in `fractions`.
struct TrainedWeights {
  static constexpr int kFractionBits = 8;

  int8_t* values;
  int8_t* fractions;  // or nullptr

  TrainedWeights operator+(int32_t index) const {
    return {values + index, fractions == nullptr ? nullptr : fractions + index};
  }
};

// Moves the first of `weights` against its gradient; it stays within +-kWeightLimit. With
// fractions, `factor` is that of a step in their units; `clamp` is in LSB of the values.
inline void UpdateWeight(TrainedWeights weights, int32_t acc, const Factor& factor, int32_t clamp,
                         Random* random) {
  const int bits = weights.fractions == nullptr ? 0 : TrainedWeights::kFractionBits;
  const int32_t one = 1 << bits;
  const int32_t step = Step(acc, factor, clamp * one, random);
  int32_t weight = *weights.values * one - step;
  if (weights.fractions != nullptr) weight += *weights.fractions;
  weight = Clamp(weight, -kWeightLimit * one, kWeightLimit * one);
  const int32_t value = (weight + one / 2) >> bits;
  *weights.values = static_cast<int8_t>(value);
  if (weights.fractions != nullptr) *weights.fractions = static_cast<int8_t>(weight - value * one);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_WEIGHT_UPDATE_H_
