#include "kernels/core/optimize_size.h"

#include "kernels/apply_updates/apply_updates.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/loss.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

constexpr int kLabel = 0;
constexpr int kLearningRate = 1;
constexpr int kCount = 2;
constexpr int kBounds = 3;
// From here on three inputs for each trained tensor.
constexpr int kFirst = 4;
constexpr int kPending = 1;
constexpr int kFraction = 2;
constexpr int kStride = 3;

// Elements of the trained tensor at `index`, and whether it is a filter.
struct Parameter {
  int32_t elements;
  bool is_filter;
};

Parameter ParameterAt(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  const bool is_filter = tensor->type == kTfLiteInt8;
  size_t bytes = 0;
  if (TfLiteEvalTensorByteLength(tensor, &bytes) != kTfLiteOk) return {-1, is_filter};
  return {static_cast<int32_t>(bytes / (is_filter ? sizeof(int8_t) : sizeof(int32_t))), is_filter};
}

const UpdateBounds* Bounds(const TfLiteContext* context, const TfLiteNode* node) {
  return reinterpret_cast<const UpdateBounds*>(InputData<int32_t>(context, node, kBounds));
}

void CheckParameter(OpCheck& check, const TfLiteContext* context, const TfLiteNode* node,
                    int index, UpdateBounds bounds) {
  check.Require(check.Has(index), "parameter");
  if (check.status() != kTfLiteOk) return;
  const Parameter parameter = ParameterAt(context, node, index);
  const TfLiteType type = parameter.is_filter ? kTfLiteInt8 : kTfLiteInt32;
  check.WritableInput(index, type, parameter.elements);
  check.WritableInput(index + kPending, type, parameter.elements);
  check.Require(check.Has(index + kFraction) == parameter.is_filter, "fraction");
  if (parameter.is_filter) {
    check.WritableInput(index + kFraction, kTfLiteInt8, parameter.elements);
  }
  check.Require(bounds.clamp >= 1 && bounds.clamp <= kWeightLimit, "clamp");
  check.Require(bounds.limit >= 0, "limit");
  check.Require(!parameter.is_filter || bounds.limit <= kWeightLimit, "limit");
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  const auto* options = check.Options<ApplyUpdatesOptions>();
  if (options == nullptr) return kTfLiteError;
  check.Require(
      options->samples >= 1 && options->samples <= ApplyUpdatesOptions::kMaxSamples, "samples");
  check.Require(options->classes >= 0, "classes");
  const int parameters = Max(1, (check.inputs() - kFirst) / kStride);
  check.Counts(kFirst + kStride * parameters, 0);
  check.Require(check.Has(kLabel) == (options->classes != 0), "label");
  check.OptionalInput(kLabel, kTfLiteInt32, 1);
  check.Input(kLearningRate, kTfLiteFloat32, 1);
  check.WritableInput(kCount, kTfLiteInt32, 1);
  check.ConstantInput(kBounds, kTfLiteInt32, 2 * parameters);
  if (check.status() != kTfLiteOk) return kTfLiteError;
  const UpdateBounds* bounds = Bounds(context, node);
  for (int i = 0; i < parameters; ++i) {
    CheckParameter(check, context, node, kFirst + kStride * i, bounds[i]);
  }
  return check.status();
}

// Whether the step trains, as the losses decide it: also a sample whose gradient is zero counts.
bool IsTraining(const TfLiteContext* context, const TfLiteNode* node) {
  if (!IsPositive(*InputData<float>(context, node, kLearningRate))) return false;
  const int32_t* label = InputData<int32_t>(context, node, kLabel);
  const int32_t classes = GetOptions<ApplyUpdatesOptions>(node).classes;
  return label == nullptr || (*label >= 0 && *label < classes);
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  if (!IsTraining(context, node)) return kTfLiteOk;
  int32_t* count = WritableInputData<int32_t>(context, node, kCount);
  if (!CountSample(GetOptions<ApplyUpdatesOptions>(node).samples, count)) return kTfLiteOk;
  const UpdateBounds* bounds = Bounds(context, node);
  for (int i = kFirst; i < node->inputs->size; i += kStride) {
    const Parameter parameter = ParameterAt(context, node, i);
    if (parameter.is_filter) {
      const TrainedWeights pending = {WritableInputData<int8_t>(context, node, i + kPending),
                                      WritableInputData<int8_t>(context, node, i + kFraction)};
      ApplyToWeights(*bounds, parameter.elements, pending,
                     WritableInputData<int8_t>(context, node, i));
    } else {
      ApplyToBiases(*bounds, parameter.elements,
                    WritableInputData<int32_t>(context, node, i + kPending),
                    WritableInputData<int32_t>(context, node, i));
    }
    ++bounds;
  }
  return kTfLiteOk;
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_APPLY_UPDATES() { return &kRegistration; }

}  // namespace tflm_training
