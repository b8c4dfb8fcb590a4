#include "kernels/gradient_add/gradient_add.h"

#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

constexpr int kFractionBits = 15;
// Elements that are summed before they are written.
constexpr int32_t kBlock = 32;

// sums[i] = large[i] * 2^15 + small[i] * ratio. With mantissas of int16 and a ratio of at most
// 2^15 that is at most 2^31 - 2^16, or -2^31.
template <typename Mantissa>
void Sum(const Mantissa* large, const Mantissa* small, int32_t ratio, int32_t count,
         int32_t* sums) {
  for (int32_t i = 0; i < count; ++i) {
    sums[i] = large[i] * (int32_t{1} << kFractionBits) + small[i] * ratio;
  }
}

// small / large with 15 fraction bits; 0 for what is no ratio in 0..1.
int32_t Ratio(float small, float large) {
  const float ratio = small / large;
  return ratio > 0.0f && ratio <= 1.0f ? static_cast<int32_t>(ratio * 32768.0f) : 0;
}

}  // namespace

GradientScale GradientAdd(const GradientAddOptions& options, const GradientTerm& a,
                          const GradientTerm& b, const ActivationMask& mask,
                          MutableMantissas result) {
  const bool b_is_larger =
      a.scale.max_abs == 0 || (b.scale.max_abs != 0 && b.scale.sigma > a.scale.sigma);
  const GradientTerm& large = b_is_larger ? b : a;
  const GradientTerm& small = b_is_larger ? a : b;
  if (large.scale.max_abs == 0) return {0.0f, 0};
  // One term alone keeps its scale, or a coarser one.
  const bool is_alone = small.scale.max_abs == 0;
  const int32_t ratio = is_alone ? 0 : Ratio(small.scale.sigma, large.scale.sigma);
  const int32_t bound =
      large.scale.max_abs * (int32_t{1} << kFractionBits) + small.scale.max_abs * ratio;
  const int shift = Max(is_alone ? kFractionBits : 0,
                        ShiftToBits(bound, options.gradient_bits));
  GradientRowWriter writer(result, mask, options.gradient_bits);
  int32_t sums[kBlock];
  for (int32_t first = 0; first < options.elements; first += kBlock) {
    const int32_t count = Min(kBlock, options.elements - first);
    const Mantissas l = large.mantissas + first;
    const Mantissas r = small.mantissas + first;
    if (l.is_int8()) {
      Sum(l.int8(), r.int8(), ratio, count, sums);
    } else {
      Sum(l.int16(), r.int16(), ratio, count, sums);
    }
    writer.WriteShifted(first, sums, count, shift);
  }
  return {large.scale.sigma * PowerOfTwo(shift - kFractionBits), writer.max_abs()};
}

}  // namespace tflm_training
