#include "kernels/mean_grad/mean_grad.h"

#include "kernels/core/gradient_row.h"

namespace tflm_training {

GradientScale MeanGrad(const MeanGradOptions& options, Mantissas gradient,
                       GradientScale scale, const ActivationMask& mask, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const int32_t* dims = options.dims;
  int32_t stride[4];  // of `gradient`, 0 along a reduced dimension
  int32_t means = 1;
  int32_t positions = 1;
  for (int i = 3; i >= 0; --i) {
    stride[i] = options.reduced[i] != 0 ? 0 : means;
    (options.reduced[i] != 0 ? positions : means) *= dims[i];
  }
  GradientRowWriter writer(result, mask, result.max_bits());
  int32_t index = 0;
  for (int32_t a = 0; a < dims[0]; ++a) {
    for (int32_t b = 0; b < dims[1]; ++b) {
      for (int32_t c = 0; c < dims[2]; ++c) {
        const Mantissas row = gradient + a * stride[0] + b * stride[1] + c * stride[2];
        if (stride[3] != 0) {
          writer.Copy(index, row, dims[3]);
        } else {
          for (int32_t d = 0; d < dims[3]; ++d) writer.Copy(index + d, row, 1);
        }
        index += dims[3];
      }
    }
  }
  return {scale.sigma / static_cast<float>(positions), writer.max_abs()};
}

}  // namespace tflm_training
