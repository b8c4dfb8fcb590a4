#include "kernels/bias_update/bias_update.h"

#include "kernels/core/dsp.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {
namespace {

// Channels whose sums stay in registers.
constexpr int32_t kChannels = 8;

inline void AddFour(const int16_t* mantissas, int32_t& a, int32_t& b, int32_t& c, int32_t& d) {
  const uint32_t low = LoadWord(mantissas);
  const uint32_t high = LoadWord(mantissas + 2);
  a += LowHalf(low);
  b += HighHalf(low);
  c += LowHalf(high);
  d += HighHalf(high);
}
inline void AddFour(const int8_t* mantissas, int32_t& a, int32_t& b, int32_t& c, int32_t& d) {
  a += mantissas[0];
  b += mantissas[1];
  c += mantissas[2];
  d += mantissas[3];
}

// totals[c] = the sum of mantissas[p * channels + c] over all positions p, for kChannels.
template <typename Mantissa>
TFLM_TRAINING_NOINLINE void SumAll(const Mantissa* mantissas, int32_t positions,
                                   int32_t channels, int32_t* totals) {
  int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  for (; positions > 0; --positions) {
    AddFour(mantissas, a, b, c, d);
    AddFour(mantissas + 4, e, f, g, h);
    mantissas += channels;
  }
  totals[0] = a, totals[1] = b, totals[2] = c, totals[3] = d;
  totals[4] = e, totals[5] = f, totals[6] = g, totals[7] = h;
}

// The sums of `count` channels, at most kChannels.
void Sum(Mantissas gradient, int32_t positions, int32_t channels, int32_t count,
         int32_t* totals) {
  if (count < kChannels) {
    for (; count > 0; --count) {
      int32_t total = 0;
      for (int32_t p = 0; p < positions; ++p) total += gradient[p * channels];
      *totals++ = total;
      gradient = gradient + 1;
    }
  } else if (gradient.is_int8()) {
    SumAll(gradient.int8(), positions, channels, totals);
  } else {
    SumAll(gradient.int16(), positions, channels, totals);
  }
}

}  // namespace

void BiasUpdate(const BiasUpdateOptions& options, Mantissas gradient, GradientScale scale,
                float learning_rate, const float* update_scale, bool per_channel,
                int32_t* bias, Random* random) {
  // Locals: for all that a compiler knows, biases are written over the options.
  const int32_t clamp = options.clamp;
  const int32_t limit = options.limit;
  const float rate = learning_rate * scale.sigma;
  const int32_t scale_stride = per_channel ? 1 : 0;
  Random draws = *random;
  for (int32_t first = 0; first < options.channels; first += kChannels) {
    const int32_t count = Min(kChannels, options.channels - first);
    int32_t totals[kChannels];
    Sum(gradient + first, options.positions, options.channels, count, totals);
    for (const int32_t* total = totals; total != totals + count;
         ++total, ++bias, update_scale += scale_stride) {
      const Factor factor = DecomposeFactor(rate * *update_scale);
      if (!factor.trains()) continue;
      const int32_t step = Step(*total, factor, clamp, &draws);
      *bias = Clamp(Qsub(*bias, step), -limit, limit);
    }
  }
  *random = draws;
}

}  // namespace tflm_training
