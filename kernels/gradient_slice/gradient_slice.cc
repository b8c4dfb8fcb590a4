#include "kernels/gradient_slice/gradient_slice.h"

namespace tflm_training {

GradientScale GradientSlice(const GradientSliceOptions& options, Mantissas gradient,
                            GradientScale scale, ActivationMask mask, MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const int32_t* dims = options.dims;
  const int32_t* begin = options.begin;
  const int32_t* size = options.size;
  GradientWriter writer(result, mask);
  int32_t index = 0;
  for (int32_t a = begin[0]; a < begin[0] + size[0]; ++a) {
    for (int32_t b = begin[1]; b < begin[1] + size[1]; ++b) {
      for (int32_t c = begin[2]; c < begin[2] + size[2]; ++c) {
        const Mantissas row =
            gradient + ((a * dims[1] + b) * dims[2] + c) * dims[3] + begin[3];
        for (int32_t d = 0; d < size[3]; ++d) writer.Write(index++, row[d]);
      }
    }
  }
  return {scale.sigma, writer.max_abs()};
}

}  // namespace tflm_training
