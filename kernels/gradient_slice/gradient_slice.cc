#include "kernels/gradient_slice/gradient_slice.h"

#include "kernels/core/gradient_row.h"

namespace tflm_training {

GradientScale GradientSlice(const GradientSliceOptions& options, Mantissas gradient,
                            GradientScale scale, const ActivationMask& mask,
                            MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const int32_t* dims = options.dims;
  const int32_t* begin = options.begin;
  const int32_t* size = options.size;
  GradientRowWriter writer(result, mask, result.max_bits());
  int32_t index = 0;
  for (int32_t a = begin[0]; a < begin[0] + size[0]; ++a) {
    for (int32_t b = begin[1]; b < begin[1] + size[1]; ++b) {
      for (int32_t c = begin[2]; c < begin[2] + size[2]; ++c) {
        const Mantissas row =
            gradient + ((a * dims[1] + b) * dims[2] + c) * dims[3] + begin[3];
        writer.Copy(index, row, size[3]);
        index += size[3];
      }
    }
  }
  return {scale.sigma, writer.max_abs()};
}

}  // namespace tflm_training
