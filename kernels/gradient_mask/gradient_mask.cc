#include "kernels/gradient_mask/gradient_mask.h"

namespace tflm_training {

GradientScale GradientMask(const GradientMaskOptions& options, const int16_t* gradient,
                           GradientScale scale, const int8_t* masked_by, int16_t* result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  GradientWriter writer(result, {masked_by, options.mask_min, options.mask_max});
  for (int32_t i = 0; i < options.elements; ++i) writer.Write(i, gradient[i]);
  return {scale.sigma, writer.max_abs()};
}

}  // namespace tflm_training
