#include "kernels/core/optimize_dsp.h"

#include "kernels/core/gradient_row.h"

#include "kernels/core/inner_loop_dsp.h"

namespace tflm_training {
namespace {

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(SumRun) == 32, "what WriteSums loads");

// 31 instructions for four mantissas, in all registers that there are.
__attribute__((naked, noinline)) void WriteSums(SumRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r7}\n"
      "movs r8, #0\n"
      "tst r1, #8\n"
      "it ne\n"
      "ldrbne lr, [r2], #1\n"
      "1: ldm r0!, {r9-r12}\n"
      "smmulr r9, r9, r4\n"
      "smmulr r10, r10, r4\n"
      "smmulr r11, r11, r4\n"
      "smmulr r12, r12, r4\n"
      "ssat r9, #16, r9\n"
      "ssat r10, #16, r10\n"
      "ssat r11, #16, r11\n"
      "ssat r12, #16, r12\n"
      "tst r1, #8\n"
      "ite eq\n"
      "ldrbeq lr, [r2], #1\n"
      "lsrne lr, lr, #4\n"
      "pkhbt r9, r9, r10, lsl #16\n"
      "pkhbt r11, r11, r12, lsl #16\n"
      "mul r10, lr, r3\n"
      "lsl r12, r10, #2\n"
      "sadd16 r12, r12, r12\n"
      "sel r9, r8, r9\n"
      "sadd16 r10, r10, r10\n"
      "sel r11, r8, r11\n"
      "strd r9, r11, [r1], #8\n"
      "ssub16 r10, r9, r11\n"
      "sel r12, r9, r11\n"
      "sel r10, r11, r9\n"
      "ssub16 r9, r5, r12\n"
      "sel r5, r5, r12\n"
      "ssub16 r9, r10, r6\n"
      "sel r6, r6, r10\n"
      "cmp r1, r7\n"
      "bne 1b\n"
      "ldr r0, [sp]\n"
      "strd r5, r6, [r0, #20]\n"
      "pop {r0, r4-r11, pc}\n");
}

#else

void WriteSums(SumRun* run) {
  const auto is_high = [&] { return reinterpret_cast<uintptr_t>(run->to) % 16 != 0; };
  uint32_t byte = is_high() ? *run->mask++ : 0u;
  for (; run->to != run->end; run->to += 4, run->sums += 4) {
    byte = is_high() ? byte >> 4 : *run->mask++;
    const Quad quad = SaturatedQuad(
        Smmulr(run->sums[0], run->multiplier), Smmulr(run->sums[1], run->multiplier),
        Smmulr(run->sums[2], run->multiplier), Smmulr(run->sums[3], run->multiplier), run->to);
    // SEL where a lane is below 0, which is where the bit is set.
    const uint32_t bits = byte * run->mask_factor;
    const uint32_t low = Ssub16Sel(bits << 2, 0, 0, PkhbtLsl16(quad.even, quad.odd));
    const uint32_t high = Ssub16Sel(bits, 0, 0, PkhtbAsr16(quad.odd, quad.even));
    StoreWord(run->to, low);
    StoreWord(run->to + 2, high);
    run->range.Add({low, high});
  }
}

#endif

}  // namespace

QuadRowWriter::QuadRowWriter(MutableMantissas gradient, const ActivationMask& mask, int bits)
    : gradient_(gradient),
      mask_(mask),
      quad_mask_(mask),
      bits_(bits),
      is_fast_(!gradient.is_int8() && mask.values == nullptr &&
               reinterpret_cast<uintptr_t>(gradient.int16()) % 16 == 0) {}

// Writes as many of the first elements as WriteSums can and returns their number.
int32_t QuadRowWriter::WriteFast(int32_t index, const int32_t* sums, int32_t count) {
  // Elements that a mask of ones is long enough for.
  constexpr int32_t kPiece = 128;
  static const uint8_t kAll[kPiece / 8] = {255, 255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 255, 255, 255, 255, 255, 255};
  run_.sums = sums;
  run_.to = gradient_.int16() + index;
  int16_t* const end = run_.to + (count & ~3);
  while (run_.to != end) {
    run_.end = end;
    run_.mask = mask_.bits + (index >> 3);
    if (mask_.bits == nullptr) {
      run_.mask = kAll;
      if (end - run_.to > kPiece - 8) run_.end = run_.to + (kPiece - 8);
    }
    WriteSums(&run_);
    run_.sums += run_.end - run_.to;
    run_.to = run_.end;
  }
  if (run_.range.max_abs() > MantissaLimit(bits_)) {
    run_.range.Clamp(gradient_ + index, count & ~3, bits_);
  }
  return count & ~3;
}

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
  const QuadShift shifted(shift);
  shifted.Prepare(sums, count);
  run_.multiplier = shifted.multiplier();
  const int32_t written = is_fast_ && index % 4 == 0 ? WriteFast(index, sums, count) : 0;
  if (written != count) {
    WriteAny(index + written, sums + written, count - written, shifted);
  }
}

// Any number of elements anywhere.
TFLM_TRAINING_NOINLINE void QuadRowWriter::WriteAny(int32_t index, const int32_t* sums,
                                                    int32_t count, QuadShift shifted) {
  const int32_t limit = MantissaLimit(bits_);
  // A sum that saturates on the way up, or down, and comes back is clamped.
  const uint32_t above = BothHalves(INT16_MAX - limit);
  const uint32_t below = BothHalves(-(INT16_MIN + limit));
  const auto clamp = [=](uint32_t lanes) {
    lanes = Qsub16(Qadd16(lanes, above), above);
    return Qadd16(Qsub16(lanes, below), below);
  };
  const QuadMask mask = quad_mask_;
  const MutableMantissas gradient = gradient_;
  QuadRange range = run_.range;
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Quad quad = SaturatedQuad(shifted(sums[i]), shifted(sums[i + 1]), shifted(sums[i + 2]),
                              shifted(sums[i + 3]), static_cast<const int16_t*>(nullptr));
    quad = mask.Apply(index + i, {clamp(quad.even), clamp(quad.odd)});
    range.Add(quad);
    gradient.Set4(index + i, quad.even, quad.odd);
  }
  run_.range = range;
  for (; i < count; ++i) {
    WriteOne(index + i, Clamp(Ssat<16>(shifted(sums[i])), -limit, limit));
  }
}

template <typename Mantissa>
void QuadRowWriter::CopyRow(int32_t index, const Mantissa* from, int32_t count, Mantissa* to) {
  const QuadMask mask = quad_mask_;
  QuadRange range = run_.range;
  to += index;
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const Quad quad = mask.Apply(index + i, LoadQuad(from + i));
    range.Add(quad);
    StoreQuad(quad, to + i);
  }
  run_.range = range;
  for (; i < count; ++i) WriteOne(index + i, from[i]);
}

// The last elements of a row that is no multiple of four.
TFLM_TRAINING_NOINLINE void QuadRowWriter::WriteOne(int32_t index, int32_t mantissa) {
  if (mask_.Hides(index)) mantissa = 0;
  gradient_.Set(index, mantissa);
  const uint32_t lanes = BothHalves(mantissa);
  run_.range.Add({lanes, lanes});
}

}  // namespace tflm_training
