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

  // Writes one mantissa, as GradientWriter does.
  void Write(int32_t index, int32_t mantissa) { writer_.Write(index, mantissa); }

  // The largest magnitude of all mantissas written.
  int32_t max_abs() const { return writer_.max_abs(); }

 private:
  MutableMantissas gradient_;
  GradientWriter writer_;
  int bits_;
};

// A row of sums that is scaled, masked and written as int16.
struct SumRun {
  const int32_t* sums;
  int16_t* to;           // where elements 0, 8, .. of the mask lie at multiples of 16 bytes
  const uint8_t* mask;   // the bits of `to`; for WriteValueSums int8
  uint32_t mask_factor;  // kMaskFactor; for WriteValueSums QuadMask::offset()
  int32_t multiplier;    // of SMMULR
  QuadRange range;
  int16_t* end;
  uint32_t mask_span;  // for WriteValueSums QuadMask::span()
};

// Four elements at a time; gradient_row_dsp.cc.
class QuadRowWriter {
 public:
  QuadRowWriter(MutableMantissas gradient, const ActivationMask& mask, int bits);

  void Copy(int32_t index, Mantissas mantissas, int32_t count);
  void Mask(int32_t count);
  void WriteShifted(int32_t index, int32_t* sums, int32_t count, int shift);
  void Write(int32_t index, int32_t mantissa);

  int32_t max_abs() const { return run_.range.max_abs(); }

 private:
  int32_t WriteFast(int32_t index, const int32_t* sums, int32_t count);
  void Narrow(QuadShift shifted, int32_t count, int32_t* sums) const;

  MutableMantissas gradient_;
  ActivationMask mask_;
  QuadMask quad_mask_;
  int bits_;
  bool is_fast_;
  SumRun run_;
};

#if TFLM_TRAINING_DSP_KERNELS
using GradientRowWriter = QuadRowWriter;
#else
using GradientRowWriter = PlainRowWriter;
#endif

}  // namespace tflm_training

#endif  // KERNELS_CORE_GRADIENT_ROW_H_
