#include "kernels/core/optimize_size.h"

#include "kernels/core/tflm.h"

namespace tflm_training {

void* InputAddress(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  return tensor == nullptr ? nullptr : tensor->data.data;
}

void* OutputAddress(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return GetEvalOutput(context, node, index)->data.data;
}

}  // namespace tflm_training
