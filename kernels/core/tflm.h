// The one header that includes TFLite Micro and names its namespace. Operator files
// (`*_op.cc`) include this; the kernels themselves know nothing of TFLM.
#ifndef KERNELS_CORE_TFLM_H_
#define KERNELS_CORE_TFLM_H_

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/memory_helpers.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/micro/micro_context.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace tflm_training {

using tflite::GetMicroContext;
using tflite::MicroContext;
using tflite::TfLiteEvalTensorByteLength;
using tflite::micro::GetEvalInput;
using tflite::micro::GetEvalOutput;
using tflite::micro::GetMutableEvalInput;

// A registration that is a constant: it lives in flash and needs no initialisation guard.
constexpr TFLMRegistration MakeRegistration(
    TfLiteStatus (*prepare)(TfLiteContext*, TfLiteNode*),
    TfLiteStatus (*invoke)(TfLiteContext*, TfLiteNode*),
    void* (*init)(TfLiteContext*, const char*, size_t) = nullptr,
    void (*reset)(TfLiteContext*, void*) = nullptr) {
  TFLMRegistration registration{};
  registration.init = init;
  registration.prepare = prepare;
  registration.invoke = invoke;
  registration.reset = reset;
  return registration;
}

// Data of input `index` of `node`, nullptr where the optional input is absent. For Eval.
template <typename T>
const T* InputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  return tensor == nullptr ? nullptr : static_cast<const T*>(tensor->data.data);
}

// Data of an input that the operator updates in place. For Eval.
template <typename T>
T* WritableInputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return static_cast<T*>(GetMutableEvalInput(context, node, index)->data.data);
}

template <typename T>
T* OutputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return static_cast<T*>(GetEvalOutput(context, node, index)->data.data);
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_TFLM_H_
