// What the operators of the losses share: outputs [loss float32 [1], gradient int16 or int8,
// gradient_scale float32 [2]] and tables in flash.
#ifndef KERNELS_CORE_LOSS_OP_H_
#define KERNELS_CORE_LOSS_OP_H_

#include <cstdint>

#include "kernels/core/gradient.h"
#include "kernels/core/op_util.h"

namespace tflm_training {

constexpr int kLossOutputs = 3;

inline void CheckLossOutputs(OpCheck& check, int32_t elements) {
  check.Output(0, kTfLiteFloat32, 1);
  check.GradientOutput(1, elements);
}

// Input `index` must be a constant int32 table with `entries` entries in 0..limit, which is
// what keeps the sums of the kernels inside int32. Returns it, or nullptr after a failed check.
inline const uint32_t* CheckTable(OpCheck& check, const TfLiteContext* context,
                                  const TfLiteNode* node, int index, int32_t entries,
                                  int32_t limit) {
  check.ConstantInput(index, kTfLiteInt32, entries);
  if (check.status() != kTfLiteOk) return nullptr;
  const auto* table = InputData<uint32_t>(context, node, index);
  // The sign of one that is negative, or of what one leaves of the limit.
  uint32_t signs = 0;
  for (int32_t i = 0; i < entries; ++i) signs |= table[i] | (static_cast<uint32_t>(limit) - table[i]);
  check.Require(signs >> 31 == 0, "table");
  return table;
}

inline MutableMantissas LossGradient(const TfLiteContext* context, const TfLiteNode* node) {
  return OutputMantissas(context, node, 1);
}

inline void WriteLoss(float loss, const GradientScale& scale, const TfLiteContext* context,
                      const TfLiteNode* node) {
  OutputData<float>(context, node, 0)[0] = loss;
  OutputScale(context, node, 2, scale);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_LOSS_OP_H_
