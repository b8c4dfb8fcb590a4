#include "kernels/core/optimize_dsp.h"

#include "kernels/core/gradient_row.h"

#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/masked_quad_dsp.h"

namespace tflm_training {
namespace {

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(SumRun) == 36, "what WriteSums and WriteValueSums load");

// Four sums as mantissas, of r9 to r12.
#define TFLM_TRAINING_SCALE_SUMS \
  "1: ldm r0!, {r9-r12}\n"       \
  "smmulr r9, r9, r4\n"         \
  "smmulr r10, r10, r4\n"       \
  "smmulr r11, r11, r4\n"       \
  "smmulr r12, r12, r4\n"       \
  "ssat r9, #16, r9\n"          \
  "ssat r10, #16, r10\n"        \
  "ssat r11, #16, r11\n"        \
  "ssat r12, #16, r12\n"
// What follows the masks, of two words in r9 and r11.
#define TFLM_TRAINING_WRITE_WORDS                        \
  "strd r9, r11, [r1], #8\n"                             \
  TFLM_TRAINING_ADD_QUAD("r9", "r11", "r5", "r6", "r12") \
  "cmp r1, r7\n"                                         \
  "bne 1b\n"                                             \
  "ldr r0, [sp]\n"                                       \
  "strd r5, r6, [r0, #20]\n"                             \
  "pop {r0, r4-r11, pc}\n"

// 31 instructions for four mantissas, in all registers that there are.
__attribute__((naked, noinline)) void WriteSums(SumRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r7}\n"
      "movs r8, #0\n"
      "tst r1, #8\n"
      "it ne\n"
      "ldrbne lr, [r2], #1\n"
      TFLM_TRAINING_SCALE_SUMS
      "tst r1, #8\n"
      "ite eq\n"
      "ldrbeq lr, [r2], #1\n"
      "lsrne lr, lr, #4\n"
      "pkhbt r9, r9, r10, lsl #16\n"
      "pkhbt r11, r11, r12, lsl #16\n"
      "mul r10, lr, r3\n"
      TFLM_TRAINING_MASK_QUAD("r9", "r11", "r10", "r8", "r12") TFLM_TRAINING_WRITE_WORDS);
}

// The same, masked by four saved activations.
__attribute__((naked, noinline)) void WriteValueSums(SumRun* /*run*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r8}\n" TFLM_TRAINING_SCALE_SUMS
      "pkhbt r9, r9, r10, lsl #16\n"
      "pkhbt r11, r11, r12, lsl #16\n"
      "ldr r12, [r2], #4\n"
      "sxtab16 r10, r3, r12\n"
      "sxtab16 r12, r3, r12, ror #8\n"
      "pkhbt lr, r10, r12, lsl #16\n"
      "pkhtb r10, r12, r10, asr #16\n"
      "movs r12, #0\n"
      "usub16 lr, r8, lr\n"
      "sel r9, r9, r12\n"
      "usub16 lr, r8, r10\n"
      "sel r11, r11, r12\n" TFLM_TRAINING_WRITE_WORDS);
}

#undef TFLM_TRAINING_SCALE_SUMS
#undef TFLM_TRAINING_WRITE_WORDS

#else

Quad ScaledSums(const SumRun& run) {
  return SaturatedQuad(Smmulr(run.sums[0], run.multiplier), Smmulr(run.sums[1], run.multiplier),
                       Smmulr(run.sums[2], run.multiplier), Smmulr(run.sums[3], run.multiplier));
}

void WriteSums(SumRun* run) {
  const auto is_high = [&] { return reinterpret_cast<uintptr_t>(run->to) % 16 != 0; };
  uint32_t byte = is_high() ? *run->mask++ : 0u;
  for (; run->to != run->end; run->to += 4, run->sums += 4) {
    byte = is_high() ? byte >> 4 : *run->mask++;
    const Quad quad = ScaledSums(*run);
    WriteMaskedQuad(PkhbtLsl16(quad.even, quad.odd), PkhtbAsr16(quad.odd, quad.even),
                    byte * run->mask_factor, run->to, &run->range);
  }
}

void WriteValueSums(SumRun* run) {
  for (; run->to != run->end; run->to += 4, run->sums += 4, run->mask += 4) {
    const Quad quad = ScaledSums(*run);
    const uint32_t word = LoadWord(run->mask);
    const uint32_t even =
        Usub16Sel(run->mask_span, Sxtab16(run->mask_factor, word), quad.even, 0);
    const uint32_t odd =
        Usub16Sel(run->mask_span, Sxtab16Ror8(run->mask_factor, word), quad.odd, 0);
    StoreWord(run->to, PkhbtLsl16(even, odd));
    StoreWord(run->to + 2, PkhtbAsr16(odd, even));
    run->range.Add({even, odd});
  }
}

#endif

}  // namespace

TFLM_TRAINING_SMALL QuadRowWriter::QuadRowWriter(MutableMantissas gradient,
                                                 const ActivationMask& mask, int bits)
    : gradient_(gradient),
      mask_(mask),
      quad_mask_(mask),
      bits_(bits),
      is_fast_(!gradient.is_int8() && reinterpret_cast<uintptr_t>(gradient.int16()) % 16 == 0) {
  run_.mask_factor = mask.values == nullptr ? kMaskFactor : quad_mask_.offset();
  run_.mask_span = quad_mask_.span();
}

// Writes as many of the first elements as go by fours and returns their number.
TFLM_TRAINING_SMALL int32_t QuadRowWriter::WriteFast(int32_t index, const int32_t* sums, int32_t count) {
  // Elements that a mask of ones is long enough for.
  constexpr int32_t kPiece = 128;
  static const uint8_t kAll[kPiece / 8] = {255, 255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 255, 255, 255, 255, 255, 255};
  run_.sums = sums;
  run_.to = gradient_.int16() + index;
  int16_t* const end = run_.to + (count & ~3);
  while (run_.to != end) {
    run_.end = end;
    if (mask_.values != nullptr) {
      run_.mask = reinterpret_cast<const uint8_t*>(mask_.values + index);
      WriteValueSums(&run_);
      break;
    }
    run_.mask = mask_.bits + (index >> 3);
    if (mask_.bits == nullptr) {
      run_.mask = kAll;
      if (end - run_.to > kPiece - 8) run_.end = run_.to + (kPiece - 8);
    }
    WriteSums(&run_);
    run_.sums += run_.end - run_.to;
    run_.to = run_.end;
  }
  return count & ~3;
}

void QuadRowWriter::Mask(int32_t count) { Copy(0, gradient_, count); }

// Turns sums into int16 at the same place, which the type of the gradient can hold.
TFLM_TRAINING_INLINE void QuadRowWriter::Narrow(QuadShift shifted, int32_t count, int32_t* sums) const {
  const bool is_int8 = gradient_.is_int8();
  uint8_t* to = reinterpret_cast<uint8_t*>(sums);
  for (; count > 0; count -= 2, sums += 2, to += 4) {
    const int32_t second = count > 1 ? sums[1] : 0;
    const uint32_t pair = PkhbtLsl16(static_cast<uint32_t>(Ssat<16>(shifted(sums[0]))),
                                     static_cast<uint32_t>(Ssat<16>(shifted(second))));
    StoreWord(to, is_int8 ? Ssat16<8>(pair) : pair);
  }
}

TFLM_TRAINING_SMALL void QuadRowWriter::WriteShifted(int32_t index, int32_t* sums, int32_t count, int shift) {
  const QuadShift shifted(shift);
  shifted.Prepare(sums, count);
  run_.multiplier = shifted.multiplier();
  const int32_t written = is_fast_ && index % 4 == 0 ? WriteFast(index, sums, count) : 0;
  if (written != count) {
    sums += written;
    Narrow(shifted, count - written, sums);
    Copy(index + written, reinterpret_cast<const int16_t*>(sums), count - written);
  }
  if (max_abs() > MantissaLimit(bits_)) run_.range.Clamp(gradient_ + index, count, bits_);
}

// Any number of elements anywhere.
void QuadRowWriter::Copy(int32_t index, Mantissas mantissas, int32_t count) {
  const QuadMask mask = quad_mask_;
  const MutableMantissas gradient = gradient_;
  QuadRange range = run_.range;
  for (; count >= 4; count -= 4, index += 4, mantissas = mantissas + 4) {
    const Quad quad = mask.Apply(index, LoadQuad(mantissas));
    range.Add(quad);
    gradient.Set4(index, quad.even, quad.odd);
  }
  run_.range = range;
  for (int32_t i = 0; i < count; ++i) Write(index + i, mantissas[i]);
}

// The last elements of a row that is no multiple of four.
TFLM_TRAINING_NOINLINE void QuadRowWriter::Write(int32_t index, int32_t mantissa) {
  if (mask_.Hides(index)) mantissa = 0;
  gradient_.Set(index, mantissa);
  const uint32_t lanes = BothHalves(mantissa);
  run_.range.Add({lanes, lanes});
}

}  // namespace tflm_training
