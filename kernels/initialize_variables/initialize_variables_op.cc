#include "kernels/core/optimize_size.h"

#include <cstring>

#include "kernels/core/fixed_point.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"
#include "kernels/initialize_variables/initialize_variables.h"

namespace tflm_training {
namespace {

// Lives in the arena's tail: the only bytes that the operator takes.
struct State {
  bool initialized;
};

void* Init(TfLiteContext* context, const char*, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(State));
}

// Without room in the arena there is no state, and Reset() may still be called.
void Reset(TfLiteContext*, void* user_data) {
  if (user_data != nullptr) static_cast<State*>(user_data)->initialized = false;
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  if (check.Options<InitializeVariablesOptions>() == nullptr) return kTfLiteError;
  check.Require(node->user_data != nullptr, "arena");
  check.Counts(Max(2, check.inputs() & ~1), 0);
  for (int i = 0; i < check.inputs(); i += 2) check.InitialValue(i);
  if (check.status() != kTfLiteOk) return kTfLiteError;
  static_cast<State*>(node->user_data)->initialized = false;
  return kTfLiteOk;
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  State* state = static_cast<State*>(node->user_data);
  if (state->initialized) return kTfLiteOk;
  for (int i = 0; i < node->inputs->size; i += 2) {
    size_t bytes = 0;
    TF_LITE_ENSURE_STATUS(
        TfLiteEvalTensorByteLength(GetEvalInput(context, node, i + 1), &bytes));
    const void* initial = InputData<void>(context, node, i);
    void* variable = WritableInputData<void>(context, node, i + 1);
    if (initial == nullptr) {
      memset(variable, 0, bytes);
    } else {
      memcpy(variable, initial, bytes);
    }
  }
  state->initialized = true;
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval, Init, Reset);

}  // namespace

const TFLMRegistration* Register_INITIALIZE_VARIABLES() { return &kRegistration; }

}  // namespace tflm_training
