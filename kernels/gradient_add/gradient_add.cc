#include "kernels/gradient_add/gradient_add.h"

#include "kernels/core/fixed_point.h"

namespace tflm_training {
namespace {

constexpr int kFractionBits = 15;

int ShiftToBits(int64_t bound, int bits) {
  return Max(0, Bits(static_cast<uint64_t>(bound)) - bits);
}

GradientScale Copy(const GradientAddOptions& options, GradientTerm term, GradientWriter& writer) {
  const int shift = ShiftToBits(term.scale.max_abs, options.gradient_bits);
  for (int32_t i = 0; i < options.elements; ++i) {
    writer.Write(i, Saturate(RoundingShift32(term.mantissas[i], shift), options.gradient_bits));
  }
  return {term.scale.sigma * PowerOfTwo(shift), writer.max_abs()};
}

// small / large with 15 fraction bits; 0 for what is no ratio in 0..1.
int32_t Ratio(float small, float large) {
  const float ratio = small / large;
  return ratio > 0.0f && ratio <= 1.0f ? static_cast<int32_t>(ratio * 32768.0f) : 0;
}

}  // namespace

GradientScale GradientAdd(const GradientAddOptions& options, GradientTerm a, GradientTerm b,
                          ActivationMask mask, MutableMantissas result) {
  GradientWriter writer(result, mask);
  if (a.scale.max_abs == 0 && b.scale.max_abs == 0) return {0.0f, 0};
  if (b.scale.max_abs == 0) return Copy(options, a, writer);
  if (a.scale.max_abs == 0) return Copy(options, b, writer);

  const bool b_is_larger = b.scale.sigma > a.scale.sigma;
  const GradientTerm& large = b_is_larger ? b : a;
  const GradientTerm& small = b_is_larger ? a : b;
  const int32_t ratio = Ratio(small.scale.sigma, large.scale.sigma);
  const int shift = ShiftToBits((int64_t{large.scale.max_abs} << kFractionBits) +
                                    int64_t{small.scale.max_abs} * ratio,
                                options.gradient_bits);
  for (int32_t i = 0; i < options.elements; ++i) {
    const int64_t sum = int64_t{large.mantissas[i]} * (int32_t{1} << kFractionBits) +
                        int64_t{small.mantissas[i]} * ratio;
    writer.Write(i, Saturate(RoundingShift(sum, shift), options.gradient_bits));
  }
  return {large.scale.sigma * PowerOfTwo(shift - kFractionBits), writer.max_abs()};
}

}  // namespace tflm_training
