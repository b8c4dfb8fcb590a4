// Writers of whole rows of mantissas: what the elementwise gradients have in common.
//
// Both classes below do the same, bit for bit; GradientRowWriter is the one for the processor.
// An element is written after it and its part of the mask were read, in ascending order: rows
// may be written over what they are made of.
#ifndef KERNELS_CORE_GRADIENT_ROW_H_
#define KERNELS_CORE_GRADIENT_ROW_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/gradient.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// One element at a time.
class PlainRowWriter {
 public:
  // Sums are saturated to `bits` bits, 1..15 and at most 7 for int8.
  PlainRowWriter(MutableMantissas gradient, const ActivationMask& mask, int bits)
      : gradient_(gradient), writer_(gradient, mask), bits_(bits) {}

  // Writes `count` mantissas from element `index` on.
  void Copy(int32_t index, Mantissas mantissas, int32_t count) {
    for (int32_t i = 0; i < count; ++i) writer_.Write(index + i, mantissas[i]);
  }
  // Masks the first `count` mantissas of the gradient itself.
  void Mask(int32_t count) {
    for (int32_t i = 0; i < count; ++i) writer_.Write(i, gradient_[i]);
  }
  // Writes sat(rshift(sums[i], shift)), shift >= 0. The sums are used up.
  void WriteShifted(int32_t index, int32_t* sums, int32_t count, int shift) {
    for (int32_t i = 0; i < count; ++i) {
      writer_.Write(index + i, Saturate(RoundingShift32(sums[i], shift), bits_));
    }
  }

  // The largest magnitude of all mantissas written.
  int32_t max_abs() const { return writer_.max_abs(); }

 private:
  MutableMantissas gradient_;
  GradientWriter writer_;
  int bits_;
};

// Four elements at a time.
class QuadRowWriter {
 public:
  QuadRowWriter(MutableMantissas gradient, const ActivationMask& mask, int bits)
      : gradient_(gradient), mask_(mask), quad_mask_(mask), bits_(bits) {}

  void Copy(int32_t index, Mantissas mantissas, int32_t count) {
    if (mantissas.is_int8()) {
      CopyRow(index, mantissas.int8(), count, gradient_.int8());
    } else {
      CopyRow(index, mantissas.int16(), count, gradient_.int16());
    }
  }
  void Mask(int32_t count) {
    if (gradient_.is_int8()) {
      CopyRow(0, gradient_.int8(), count, gradient_.int8());
    } else {
      CopyRow(0, gradient_.int16(), count, gradient_.int16());
    }
  }
  void WriteShifted(int32_t index, int32_t* sums, int32_t count, int shift) {
    const int32_t limit = MantissaLimit(bits_);
    // A sum that saturates on the way up, or down, and comes back is clamped.
    const uint32_t above = BothHalves(INT16_MAX - limit);
    const uint32_t below = BothHalves(-(INT16_MIN + limit));
    const auto clamp = [=](uint32_t lanes) {
      lanes = Qsub16(Qadd16(lanes, above), above);
      return Qadd16(Qsub16(lanes, below), below);
    };
    const QuadShift shifted(shift);
    shifted.Prepare(sums, count);
    const QuadMask mask = quad_mask_;
    const MutableMantissas gradient = gradient_;
    QuadRange range = range_;
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
      Quad quad = SaturatedQuad(shifted(sums[i]), shifted(sums[i + 1]), shifted(sums[i + 2]),
                                shifted(sums[i + 3]), static_cast<const int16_t*>(nullptr));
      quad = mask.Apply(index + i, {clamp(quad.even), clamp(quad.odd)});
      range.Add(quad);
      gradient.Set4(index + i, quad.even, quad.odd);
    }
    range_ = range;
    for (; i < count; ++i) {
      WriteOne(index + i, Clamp(Ssat<16>(shifted(sums[i])), -limit, limit));
    }
  }

  int32_t max_abs() const { return range_.max_abs(); }

 private:
  template <typename Mantissa>
  void CopyRow(int32_t index, const Mantissa* from, int32_t count, Mantissa* to) {
    const QuadMask mask = quad_mask_;
    QuadRange range = range_;
    to += index;
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
      const Quad quad = mask.Apply(index + i, LoadQuad(from + i));
      range.Add(quad);
      StoreQuad(quad, to + i);
    }
    range_ = range;
    for (; i < count; ++i) WriteOne(index + i, from[i]);
  }

  void WriteOne(int32_t index, int32_t mantissa) {
    if (mask_.Hides(index)) mantissa = 0;
    gradient_.Set(index, mantissa);
    const uint32_t lanes = BothHalves(mantissa);
    range_.Add({lanes, lanes});
  }

  MutableMantissas gradient_;
  ActivationMask mask_;
  QuadMask quad_mask_;
  int bits_;
  QuadRange range_;
};

#if TFLM_TRAINING_DSP_KERNELS
using GradientRowWriter = QuadRowWriter;
#else
using GradientRowWriter = PlainRowWriter;
#endif

}  // namespace tflm_training

#endif  // KERNELS_CORE_GRADIENT_ROW_H_
