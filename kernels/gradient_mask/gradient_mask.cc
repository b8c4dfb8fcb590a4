#include "kernels/gradient_mask/gradient_mask.h"

namespace tflm_training {

GradientScale GradientMask(const GradientMaskOptions& options, Mantissas gradient,
                           GradientScale scale, ActivationMask mask, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  GradientWriter writer(result, mask);
  for (int32_t i = 0; i < options.elements; ++i) writer.Write(i, gradient[i]);
  return {scale.sigma, writer.max_abs()};
}

}  // namespace tflm_training
