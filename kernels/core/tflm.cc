#include "kernels/core/optimize_size.h"

#include "kernels/core/tflm.h"

namespace tflm_training {

namespace {

inline void* AddressOf(const TfLiteEvalTensor* tensor) {
  return tensor == nullptr ? nullptr : tensor->data.data;
}

}  // namespace

void* InputAddress(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return AddressOf(GetEvalInput(context, node, index));
}

void InputAddresses(const TfLiteContext* context, const TfLiteNode* node, int first, int count,
                    void** addresses) {
  do {
    *addresses++ = AddressOf(GetEvalInput(context, node, first++));
  } while (--count != 0);
}

void* OutputAddress(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return GetEvalOutput(context, node, index)->data.data;
}

}  // namespace tflm_training
