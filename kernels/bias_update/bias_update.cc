#include "kernels/bias_update/bias_update.h"

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {
namespace {

// totals[c] = the sum of mantissas[p * channels + c] over all positions p, for four channels,
// which stay in registers.
template <typename Mantissa>
void SumFour(const Mantissa* mantissas, int32_t positions, int32_t channels, int32_t* totals) {
  int32_t a = 0, b = 0, c = 0, d = 0;
  for (; positions > 0; --positions, mantissas += channels) {
    a += mantissas[0];
    b += mantissas[1];
    c += mantissas[2];
    d += mantissas[3];
  }
  totals[0] = a;
  totals[1] = b;
  totals[2] = c;
  totals[3] = d;
}

// The sums of `count` channels, at most four.
void Sum(Mantissas gradient, int32_t positions, int32_t channels, int32_t count,
         int32_t* totals) {
  if (count < 4) {
    for (int32_t p = 0; p < positions; ++p) Accumulate(gradient + p * channels, count, totals);
  } else if (gradient.is_int8()) {
    SumFour(gradient.int8(), positions, channels, totals);
  } else {
    SumFour(gradient.int16(), positions, channels, totals);
  }
}

}  // namespace

void BiasUpdate(const BiasUpdateOptions& options, Mantissas gradient, GradientScale scale,
                float learning_rate, const float* update_scale, bool per_channel,
                int32_t* bias, Random* random) {
  for (int32_t first = 0; first < options.channels; first += 4) {
    const int32_t count = Min(4, options.channels - first);
    int32_t total[4] = {};
    Sum(gradient + first, options.positions, options.channels, count, total);
    for (int32_t c = 0; c < count; ++c) {
      const float channel_scale = update_scale[per_channel ? first + c : 0];
      const Factor factor = DecomposeFactor((learning_rate * scale.sigma) * channel_scale);
      if (!factor.trains()) continue;
      const int64_t moved = static_cast<int64_t>(bias[first + c]) -
                            Step(total[c], factor, options.clamp, random);
      const int64_t limit = options.limit;
      bias[first + c] =
          static_cast<int32_t>(moved > limit ? limit : moved < -limit ? -limit : moved);
    }
  }
}

}  // namespace tflm_training
