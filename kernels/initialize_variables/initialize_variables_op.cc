#include <cstring>

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

const char* PairFault(const TfLiteTensor* initial, const TfLiteTensor* variable) {
  if (variable == nullptr) return "a missing tensor";
  if (variable->allocation_type == kTfLiteMmapRo) return "a target that is a constant";
  if (initial == nullptr) return nullptr;
  if (initial->allocation_type != kTfLiteMmapRo) return "an initial value that is no constant";
  if (initial->type != variable->type) return "two types";
  if (initial->bytes != variable->bytes) return "two sizes";
  return nullptr;
}

TfLiteStatus CheckPair(TfLiteContext* context, TfLiteNode* node, int index) {
  MicroContext* micro_context = GetMicroContext(context);
  TfLiteTensor* initial = micro_context->AllocateTempInputTensor(node, index);
  TfLiteTensor* variable = micro_context->AllocateTempInputTensor(node, index + 1);
  const char* fault = PairFault(initial, variable);
  if (fault != nullptr) {
    MicroPrintf("INITIALIZE_VARIABLES: inputs %d and %d have %s", index, index + 1, fault);
  }
  if (variable != nullptr) micro_context->DeallocateTempTfLiteTensor(variable);
  if (initial != nullptr) micro_context->DeallocateTempTfLiteTensor(initial);
  return fault == nullptr ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node, "INITIALIZE_VARIABLES");
  if (check.Options<InitializeVariablesOptions>() == nullptr) return kTfLiteError;
  check.Require(node->user_data != nullptr, "arena: no room for the flag");
  check.Require(check.inputs() >= 2 && check.inputs() % 2 == 0, "number of inputs");
  check.Require(check.outputs() == 0, "number of outputs");
  if (check.status() != kTfLiteOk) return kTfLiteError;
  for (int i = 0; i < check.inputs(); i += 2) {
    if (CheckPair(context, node, i) != kTfLiteOk) return kTfLiteError;
  }
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
