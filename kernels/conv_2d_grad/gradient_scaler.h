// What both versions of Conv2DInputGrad do once a call: docs/arithmetic.md,
// CONV_2D_INPUT_GRAD.
#ifndef KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_
#define KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"

namespace tflm_training {

// Brings output gradients of all channels to one scale, using the bits that the
// accumulator allows: a = m * mu[o] / 2^15 * 2^headroom.
class GradientScaler {
 public:
  GradientScaler(const int16_t* multiplier, int headroom)
      : multiplier_(multiplier),
        up_(multiplier == nullptr && headroom > 0 ? headroom : 0),
        down_(multiplier == nullptr ? Max(-headroom, 0) : 15 - headroom) {}

  int32_t operator()(int32_t mantissa, int32_t channel) const {
    return Scale(mantissa, multiplier_ == nullptr ? 1 : multiplier_[channel]);
  }
  // The mantissas of two channels, `channel` and the next one, in one word.
  uint32_t Pair(uint32_t mantissas, int32_t channel) const {
    const uint32_t multipliers =
        multiplier_ == nullptr ? BothHalves(1 << up_) : LoadWord(multiplier_ + channel);
    const int32_t half = down_ == 0 ? 0 : 1 << (down_ - 1);
    const int32_t low = Smlabb(mantissas, multipliers, half) >> down_;
    const int32_t high = Smlatt(mantissas, multipliers, half) >> down_;
    return PkhbtLsl16(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
  }
  // The largest value that a mantissa of at most `max_abs` can give.
  int32_t Bound(int32_t max_abs) const {
    return Scale(max_abs, multiplier_ == nullptr ? 1 : kFullMultiplier);
  }

 private:
  static constexpr int32_t kFullMultiplier = 32767;

  int32_t Scale(int32_t mantissa, int32_t multiplier) const {
    return RoundingShift32(mantissa * multiplier * (1 << up_), down_);
  }

  const int16_t* multiplier_;
  int up_;
  int down_;
};

// How mantissas become coefficients, accumulators mantissas, and the scale of the result.
struct InputGradScale {
  InputGradScale(const ConvInputGradOptions& options, GradientScale scale,
                 const int16_t* multiplier)
      : headroom(options.accumulator_bits - Bits(static_cast<uint64_t>(scale.max_abs))),
        scaler(multiplier, headroom),
        shift(Max(0, Bits(static_cast<uint64_t>(scaler.Bound(scale.max_abs)) *
                          static_cast<uint64_t>(options.weight_bound)) -
                         options.gradient_bits)),
        sigma((scale.sigma * options.scale_factor) * PowerOfTwo(shift - headroom)) {}

  int headroom;
  GradientScaler scaler;
  int shift;
  float sigma;
};

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_
