// What GradientWriter does in gradient.h, for the Arm DSP extension: four mantissas at a time.
#ifndef KERNELS_CORE_WRITE_GRADIENT_DSP_H_
#define KERNELS_CORE_WRITE_GRADIENT_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// Rounds, clamps, masks and writes the mantissas of one gradient and keeps their maximum.
class PackedGradientWriter {
 public:
  // Mantissas are rshift(acc, shift), shift >= 0, clamped to `bits` bits, 1..15 and at most 7
  // for int8. `mask` has to live as long as the writer.
  PackedGradientWriter(MutableMantissas gradient, const ActivationMask& mask, int shift,
                       int bits)
      : gradient_(gradient),
        mask_(mask),
        quad_mask_(mask),
        quadruples_(shift < 2),
        multiplier_(shift > 31 ? 0 : int32_t{1} << (32 - shift - (quadruples_ ? 2 : 0))),
        limit_(MantissaLimit(bits)) {}

  // Writes `count` mantissas of each of `columns` pixels, from `index` on and then always
  // `stride` further on. Their accumulators, `acc_stride` apart, a multiple of 4, are used up.
  TFLM_TRAINING_NOINLINE void Write(int32_t index, int32_t stride, int32_t count,
                                    int32_t columns, int32_t* acc, int32_t acc_stride) {
    auto* quads = reinterpret_cast<Quad*>(acc);
    Round(acc, quads, columns * acc_stride / 4);
    for (; columns > 0; --columns) {
      Store(index, quads, count);
      index += stride;
      quads += acc_stride / 4;
    }
  }

  int32_t max_abs() const { return range_.max_abs(); }

 private:
  // Two short loops: one would need more registers than there are. quads[i] is made of
  // acc[4 * i].. and lies at or below it.
  void Round(int32_t* acc, Quad* quads, int32_t count) const {
    // SMMULR is a rounding shift by 2..32. For less, 4 * acc is shifted by 2 more: where that
    // saturates, the mantissa does.
    if (quadruples_) {
      for (int32_t i = 0; i < 4 * count; ++i) {
        acc[i] = Qadd(acc[i], acc[i]);
        acc[i] = Qadd(acc[i], acc[i]);
      }
    }
    const int32_t multiplier = multiplier_;
    const uint32_t above = BothHalves(INT16_MAX - limit_);
    const uint32_t below = BothHalves(-(INT16_MIN + limit_));
    // To +-limit by what saturates on the way up or down.
    const auto clamp = [=](uint32_t mantissas) {
      return Qadd16(Qsub16(Qsub16(Qadd16(mantissas, above), above), below), below);
    };
    for (const Quad* end = quads + count; quads != end; ++quads) {
      const Quad quad =
          SaturatedQuad(Smmulr(acc[0], multiplier), Smmulr(acc[1], multiplier),
                        Smmulr(acc[2], multiplier), Smmulr(acc[3], multiplier),
                        static_cast<const int16_t*>(nullptr));
      *quads = {clamp(quad.even), clamp(quad.odd)};
      acc += 4;
    }
  }

  void Store(int32_t index, const Quad* quads, int32_t count) {
    const MutableMantissas gradient = gradient_;
    const QuadMask mask = quad_mask_;
    QuadRange range = range_;
    for (; count >= 4; count -= 4) {
      const Quad quad = mask.Apply(index, *quads++);
      range.Add(quad);
      if (gradient.is_int8()) {
        StoreQuad(quad, gradient.int8() + index);
      } else {
        StoreQuad(quad, gradient.int16() + index);
      }
      index += 4;
    }
    for (int32_t i = 0; i < count; ++i) {
      const uint32_t halves = i % 2 == 0 ? quads->even : quads->odd;
      int32_t mantissa = i < 2 ? LowHalf(halves) : HighHalf(halves);
      if (mask_.Hides(index + i)) mantissa = 0;
      gradient.Set(index + i, mantissa);
      range.Add({BothHalves(mantissa), BothHalves(mantissa)});
    }
    range_ = range;
  }

  MutableMantissas gradient_;
  const ActivationMask& mask_;
  QuadMask quad_mask_;
  QuadRange range_;
  bool quadruples_;
  int32_t multiplier_;
  int32_t limit_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_WRITE_GRADIENT_DSP_H_
