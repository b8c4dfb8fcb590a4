// The functions of TFLite Micro that the training operators call, for a build against TFLM's
// headers alone. With a source tree of TFLM its own files take the place of this one.

#include "kernels/core/tflm.h"

namespace tflite {
namespace {

int TensorIndex(const TfLiteIntArray* tensors, int index) {
  return index >= 0 && index < tensors->size ? tensors->data[index] : kTfLiteOptionalTensor;
}

}  // namespace

TfLiteTensor* MicroContext::AllocateTempInputTensor(const TfLiteNode* node, int index) {
  const int tensor = TensorIndex(node->inputs, index);
  return tensor == kTfLiteOptionalTensor ? nullptr : AllocateTempTfLiteTensor(tensor);
}

TfLiteTensor* MicroContext::AllocateTempOutputTensor(const TfLiteNode* node, int index) {
  const int tensor = TensorIndex(node->outputs, index);
  return tensor == kTfLiteOptionalTensor ? nullptr : AllocateTempTfLiteTensor(tensor);
}

TfLiteStatus TfLiteEvalTensorByteLength(const TfLiteEvalTensor* tensor, size_t* bytes) {
  *bytes = tensor->type == kTfLiteInt8 || tensor->type == kTfLiteUInt8 ? 1
           : tensor->type == kTfLiteInt16                              ? 2
                                                                       : 4;
  for (int i = 0; i < tensor->dims->size; ++i) {
    *bytes *= static_cast<size_t>(tensor->dims->data[i]);
  }
  return kTfLiteOk;
}

namespace micro {

TfLiteEvalTensor* GetMutableEvalInput(const TfLiteContext* context, const TfLiteNode* node,
                                      int index) {
  const int tensor = TensorIndex(node->inputs, index);
  return tensor == kTfLiteOptionalTensor ? nullptr : context->GetEvalTensor(context, tensor);
}

const TfLiteEvalTensor* GetEvalInput(const TfLiteContext* context, const TfLiteNode* node,
                                     int index) {
  return GetMutableEvalInput(context, node, index);
}

TfLiteEvalTensor* GetEvalOutput(const TfLiteContext* context, const TfLiteNode* node,
                                int index) {
  return context->GetEvalTensor(context, node->outputs->data[index]);
}

}  // namespace micro
}  // namespace tflite
