#include "kernels/core/gradient_row.h"

#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {

void QuadRowWriter::Copy(int32_t index, Mantissas mantissas, int32_t count) {
  if (mantissas.is_int8()) {
    CopyRow(index, mantissas.int8(), count, gradient_.int8());
  } else {
    CopyRow(index, mantissas.int16(), count, gradient_.int16());
  }
}

void QuadRowWriter::Mask(int32_t count) {
  if (gradient_.is_int8()) {
    CopyRow(0, gradient_.int8(), count, gradient_.int8());
  } else {
    CopyRow(0, gradient_.int16(), count, gradient_.int16());
  }
}

void QuadRowWriter::WriteShifted(int32_t index, int32_t* sums, int32_t count, int shift) {
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

template <typename Mantissa>
void QuadRowWriter::CopyRow(int32_t index, const Mantissa* from, int32_t count, Mantissa* to) {
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

// The last elements of a row that is no multiple of four.
TFLM_TRAINING_NOINLINE void QuadRowWriter::WriteOne(int32_t index, int32_t mantissa) {
  if (mask_.Hides(index)) mantissa = 0;
  gradient_.Set(index, mantissa);
  const uint32_t lanes = BothHalves(mantissa);
  range_.Add({lanes, lanes});
}

}  // namespace tflm_training
