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
        powers_{static_cast<int16_t>(1 << up_), static_cast<int16_t>(1 << up_)},
        down_(multiplier == nullptr ? Max(-headroom, 0) : 15 - headroom) {}

  int32_t operator()(int32_t mantissa, int32_t channel) const {
    return Scale(mantissa, multiplier_ == nullptr ? 1 : multiplier_[channel]);
  }
  // a of two columns, of mantissas for channels [first, first + count), in pairs of channels:
  // [count / 2, rounded up][column]. The second half of a last odd pair is 0.
  void Pairs(const int16_t* column, const int16_t* next, int32_t first, int32_t count,
             uint32_t* pairs) const {
    const int16_t* factors = multiplier_ == nullptr ? powers_ : multiplier_ + first;
    const int32_t factor_step = multiplier_ == nullptr ? 0 : 2;
    const int32_t half = down_ == 0 ? 0 : 1 << (down_ - 1);
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
      const auto factor = static_cast<uint32_t>(*factors);
      StoreWords<0>(pairs, scale(static_cast<uint32_t>(*column) & 0xFFFFu, factor),
                    scale(static_cast<uint32_t>(*next) & 0xFFFFu, factor));
    }
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
  int16_t powers_[2];
  int down_;
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
        shift(Max(0, Bits(static_cast<uint64_t>(scaler.Bound(scale.max_abs)) *
                          static_cast<uint64_t>(options.weight_bound)) -
                         options.gradient_bits)),
        sigma((scale.sigma * options.scale_factor) * PowerOfTwo(shift - headroom)) {}
};

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_GRADIENT_SCALER_H_
