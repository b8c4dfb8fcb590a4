#include "kernels/bias_update/bias_update.h"

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

void BiasUpdate(const BiasUpdateOptions& options, Mantissas gradient, GradientScale scale,
                float learning_rate, const float* update_scale, bool per_channel,
                int32_t* bias, Random* random) {
  int32_t total[kChannelBlock];
  for (int32_t first = 0; first < options.channels; first += kChannelBlock) {
    const int32_t count = Min(kChannelBlock, options.channels - first);
    memset(total, 0, sizeof(total));
    for (int32_t position = 0; position < options.positions; ++position) {
      Accumulate(gradient + (position * options.channels + first), count, total);
    }
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
