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

// Where input or output `index` of `node` lies, nullptr where an optional input is absent.
void* InputAddress(const TfLiteContext* context, const TfLiteNode* node, int index);
void* OutputAddress(const TfLiteContext* context, const TfLiteNode* node, int index);

// Where inputs [first, first + count) lie, one or more: less flash than a call for each.
void InputAddresses(const TfLiteContext* context, const TfLiteNode* node, int first, int count,
                    void** addresses);

// Data of the inputs [kFirst, kEnd), nullptr where an optional one is absent. For Eval.
template <int kFirst, int kEnd>
class InputList {
 public:
  InputList(const TfLiteContext* context, const TfLiteNode* node) {
    InputAddresses(context, node, kFirst, kEnd - kFirst, addresses_);
  }

  // Those of an input that the operator updates in place are not constant.
  template <typename T>
  T* Data(int index) const {
    return static_cast<T*>(addresses_[index - kFirst]);
  }

 private:
  void* addresses_[kEnd - kFirst];
};

// The same as elements of a type. For Eval.
template <typename T>
const T* InputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return static_cast<const T*>(InputAddress(context, node, index));
}

// Data of an input that the operator updates in place. For Eval.
template <typename T>
T* WritableInputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return static_cast<T*>(InputAddress(context, node, index));
}

template <typename T>
T* OutputData(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return static_cast<T*>(OutputAddress(context, node, index));
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_TFLM_H_
