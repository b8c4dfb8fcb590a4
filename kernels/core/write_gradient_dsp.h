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
        shift_(shift),
        bits_(bits) {}

  // Writes `count` mantissas of each of `columns` pixels, from `index` on and then always
  // `stride` further on. Their accumulators, `acc_stride` apart, are used up.
  TFLM_TRAINING_NOINLINE void Write(int32_t index, int32_t stride, int32_t count,
                                    int32_t columns, int32_t* acc, int32_t acc_stride) {
    shift_.Prepare(acc, columns * acc_stride);
    const MutableMantissas gradient = gradient_;
    const QuadMask mask = quad_mask_;
    const QuadShift shifted = shift_;
    QuadRange range = range_;
    for (; columns > 0; --columns) {
      const int32_t* sums = acc;
      int32_t rest = count;
      for (; rest >= 4; rest -= 4) {
        const Quad quad = mask.Apply(index, Rounded(sums, shifted));
        range.Add(quad);
        if (gradient.is_int8()) {
          StoreQuad({Ssat16<8>(quad.even), Ssat16<8>(quad.odd)}, gradient.int8() + index);
        } else {
          StoreQuad(quad, gradient.int16() + index);
        }
        index += 4;
        sums += 4;
      }
      if (rest > 0) WriteRest(index, rest, Rounded(sums, shifted), &range);
      index += rest + stride - count;
      acc += acc_stride;
    }
    range_ = range;
  }

  // To be called after the last Write: QuadRange::Clamp.
  int32_t Finish(int32_t elements) const { return range_.Clamp(gradient_, elements, bits_); }

 private:
  TFLM_TRAINING_INLINE static Quad Rounded(const int32_t* sums, const QuadShift& shifted) {
    return SaturatedQuad(shifted(sums[0]), shifted(sums[1]), shifted(sums[2]),
                         shifted(sums[3]), static_cast<const int16_t*>(nullptr));
  }

  // The first `count` of a quad, less than four.
  TFLM_TRAINING_SMALL void WriteRest(int32_t index, int32_t count, Quad quad,
                                     QuadRange* range) const {
    for (int32_t i = 0; i < count; ++i) {
      const uint32_t halves = i == 1 ? quad.odd : quad.even;
      int32_t mantissa = i < 2 ? LowHalf(halves) : HighHalf(halves);
      if (mask_.Hides(index + i)) mantissa = 0;
      range->Add({BothHalves(mantissa), BothHalves(mantissa)});
      gradient_.Set(index + i, gradient_.is_int8() ? Ssat<8>(mantissa) : mantissa);
    }
  }

  MutableMantissas gradient_;
  const ActivationMask& mask_;
  QuadMask quad_mask_;
  QuadShift shift_;
  QuadRange range_;
  int bits_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_WRITE_GRADIENT_DSP_H_
