// What both versions of Conv2DInputGrad do once a call: docs/arithmetic.md,
// CONV_2D_INPUT_GRAD.
#ifndef KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_
#define KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"
#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

// Brings output gradients of all channels to one scale, using the bits that the
// accumulator allows: a = m * mu[o] / 2^15 * 2^headroom.
class GradientScaler {
 public:
  // headroom: -14..14
  GradientScaler(const int16_t* multiplier, int headroom)
      : multiplier_(multiplier),
        powers_(BothHalves(1 << Max(headroom, 0))),
        down_(multiplier == nullptr ? Max(-headroom, 0) : 15 - headroom),
        half_((1 << down_) >> 1) {}

  int32_t operator()(int32_t mantissa, int32_t channel) const {
    return Scale(mantissa, multiplier_ == nullptr ? LowHalf(powers_) : multiplier_[channel]);
  }
  // a of two columns, of mantissas for channels [first, first + count), in pairs of channels:
  // [count / 2, rounded up][column]. The second half of a last odd pair is 0.
  TFLM_TRAINING_NOINLINE void Pairs(const int16_t* column, const int16_t* next, int32_t first,
                                    int32_t count, uint32_t* pairs) const {
    const auto* factors = reinterpret_cast<const uint8_t*>(&powers_);
    int32_t factor_step = 0;
    if (multiplier_ != nullptr) {
      factors = reinterpret_cast<const uint8_t*>(multiplier_ + first);
      factor_step = 4;
    }
    const int32_t half = half_;
    const int down = down_;
    const auto scale = [=](uint32_t m, uint32_t factor) {
      return PkhbtLsl16(static_cast<uint32_t>(Smlabb(m, factor, half) >> down),
                        static_cast<uint32_t>(Smlatt(m, factor, half) >> down));
    };
    const uint32_t* end = pairs + (count & ~1);
    while (pairs != end) {
      const uint32_t factor = LoadWord(factors);
      StoreWords<0>(pairs, scale(LoadWord(column), factor), scale(LoadWord(next), factor));
      factors += factor_step;
      column += 2;
      next += 2;
      pairs += 2;
    }
    if (count % 2 != 0) {
      uint16_t factor;
      memcpy(&factor, factors, sizeof(factor));
      StoreWords<0>(pairs, scale(static_cast<uint32_t>(*column) & 0xFFFFu, factor),
                    scale(static_cast<uint32_t>(*next) & 0xFFFFu, factor));
    }
  }
  // The largest value that a mantissa of at most `max_abs` can give.
  int32_t Bound(int32_t max_abs) const {
    return Scale(max_abs, multiplier_ == nullptr ? LowHalf(powers_) : kFullMultiplier);
  }

 private:
  static constexpr int32_t kFullMultiplier = 32767;

  // At most 2^30 + 2^28 before the shift.
  int32_t Scale(int32_t mantissa, int32_t factor) const {
    return (mantissa * factor + half_) >> down_;
  }

  const int16_t* multiplier_;
  uint32_t powers_;  // in both halves: 2^headroom, the factor where there is no multiplier
  int down_;
  int32_t half_;  // what rounds
};

// How mantissas become coefficients, accumulators mantissas, and the scale of the result.
struct InputGradScale {
  InputGradScale(const ConvInputGradOptions& options, GradientScale scale,
                 const int16_t* multiplier)
      : InputGradScale(options, scale, multiplier,
                       options.accumulator_bits - Bits(static_cast<uint64_t>(scale.max_abs))) {}

  GradientScaler scaler;
  int shift;
  float sigma;

 private:
  InputGradScale(const ConvInputGradOptions& options, GradientScale scale,
                 const int16_t* multiplier, int headroom)
      : scaler(multiplier, headroom),
        shift(ShiftToBits(int64_t{scaler.Bound(scale.max_abs)} * options.weight_bound,
                          options.gradient_bits)),
        sigma((scale.sigma * options.scale_factor) * PowerOfTwo(shift - headroom)) {}
};

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_
