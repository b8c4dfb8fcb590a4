// Eval of the operators [gradient, gradient_scale, masked_by] -> [gradient, gradient_scale].
#ifndef KERNELS_CORE_MASKED_GRADIENT_OP_H_
#define KERNELS_CORE_MASKED_GRADIENT_OP_H_

#include "kernels/core/gradient.h"
#include "kernels/core/op_util.h"

namespace tflm_training {

// Runs `kKernel` on the tensors of the node. Options must have mask_min and mask_max.
template <typename Options,
          GradientScale (*kKernel)(const Options&, Mantissas, GradientScale, const ActivationMask&,
                                   MutableMantissas)>
TfLiteStatus EvalMaskedGradient(TfLiteContext* context, TfLiteNode* node) {
  const auto& options = GetOptions<Options>(node);
  const GradientScale scale =
      kKernel(options, InputMantissas(context, node, 0),
              InputScale(context, node, 1),
              InputMask(context, node, 2, options.mask_min, options.mask_max),
              OutputMantissas(context, node, 0));
  OutputScale(context, node, 1, scale);
  return kTfLiteOk;
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_MASKED_GRADIENT_OP_H_
