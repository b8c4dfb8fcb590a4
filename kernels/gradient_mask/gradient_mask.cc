#include "kernels/gradient_mask/gradient_mask.h"

#include "kernels/core/gradient_row.h"

namespace tflm_training {

GradientScale GradientMask(const GradientMaskOptions& options, Mantissas gradient,
                           GradientScale scale, const ActivationMask& mask,
                           MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  GradientRowWriter writer(result, mask, result.max_bits());
  writer.Copy(0, gradient, options.elements);
  return {scale.sigma, writer.max_abs()};
}

}  // namespace tflm_training
