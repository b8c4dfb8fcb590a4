#include "tflm_training/training_session.h"

#include <cstring>

#include "kernels/core/tflm.h"

namespace tflm_training {
namespace {

constexpr int32_t kNoLabel = -1;

}  // namespace

TfLiteStatus TrainingSession::Fail(TrainingError error, const char* text) {
  MicroPrintf("TrainingSession: %s", text);
  error_ = error;
  return kTfLiteError;
}

TfLiteStatus TrainingSession::Begin() {
  error_ = TrainingError::kNone;
  rolled_back_ = false;
  if (loss_ == Loss::kNone) return Fail(TrainingError::kState, "Init() has not succeeded");
  return kTfLiteOk;
}

size_t TrainingSession::target_bytes() const {
  if (loss_ != Loss::kTarget) return 0;
  return interpreter_.input(interpreter_.inputs_size() - kTrainingInputs)->bytes;
}

// One Invoke(). sample nullptr: zeros; label nullptr: inference.
TfLiteStatus TrainingSession::Step(const void* sample, const void* label, float learning_rate) {
  const size_t label_index = interpreter_.inputs_size() - kTrainingInputs;
  const uint8_t* source = static_cast<const uint8_t*>(sample);
  for (size_t i = 0; i < label_index; ++i) {
    TfLiteTensor* input = interpreter_.input(i);
    if (source == nullptr) {
      memset(input->data.raw, 0, input->bytes);
    } else {
      memmove(input->data.raw, source, input->bytes);  // the sample may lie there already
      source += input->bytes;
    }
  }
  TfLiteTensor* label_input = interpreter_.input(label_index);
  if (label != nullptr) {
    memmove(label_input->data.raw, label, label_input->bytes);
  } else if (loss_ == Loss::kLabel) {
    memcpy(label_input->data.raw, &kNoLabel, sizeof(kNoLabel));
  }
  interpreter_.input(label_index + 1)->data.f[0] = learning_rate;
  if (interpreter_.Invoke() != kTfLiteOk) return Fail(TrainingError::kInvoke, "Invoke() failed");
  return kTfLiteOk;
}

TfLiteStatus TrainingSession::RefuseLoss() {
  if (rollback_ == nullptr) {
    return Fail(TrainingError::kLoss, "the loss is not finite or too large");
  }
  const bool restored = Restore(*rollback_) == kTfLiteOk;
  rolled_back_ = restored;
  return Fail(TrainingError::kLoss,
              restored ? "the loss is not finite or too large: back to the checkpoint"
                       : "the loss is not finite or too large, and the checkpoint is unusable");
}

TfLiteStatus TrainingSession::GuardedStep(const void* sample, const void* label,
                                          float learning_rate, float* loss) {
  if (sample == nullptr || label == nullptr) {
    return Fail(TrainingError::kArgument, "no sample or no label");
  }
  // False for NaN too.
  if (!(learning_rate >= 0.0f && learning_rate <= kLargestLearningRate)) {
    return Fail(TrainingError::kLearningRate, "the learning rate is NaN, negative or too large");
  }
  TF_LITE_ENSURE_STATUS(Step(sample, label, learning_rate));
  if (learning_rate > 0.0f && steps_ != UINT32_MAX) ++steps_;
  const float value = interpreter_.output(interpreter_.outputs_size() - 1)->data.f[0];
  if (loss != nullptr) *loss = value;
  return value >= -largest_loss_ && value <= largest_loss_ ? kTfLiteOk : RefuseLoss();
}

TfLiteStatus TrainingSession::Train(const void* sample, int32_t label, float learning_rate,
                                    float* loss) {
  TF_LITE_ENSURE_STATUS(Begin());
  if (loss_ != Loss::kLabel) {
    return Fail(TrainingError::kArgument, "this model takes a target: call TrainTarget()");
  }
  if (label < 0 || label >= classes_) {
    MicroPrintf("TrainingSession: label %d is not in [0, %d)", static_cast<int>(label),
                static_cast<int>(classes_));
    error_ = TrainingError::kLabel;
    return kTfLiteError;
  }
  return GuardedStep(sample, &label, learning_rate, loss);
}

TfLiteStatus TrainingSession::TrainTarget(const void* sample, const void* target,
                                          float learning_rate, float* loss) {
  TF_LITE_ENSURE_STATUS(Begin());
  if (loss_ != Loss::kTarget) {
    return Fail(TrainingError::kArgument, "this model takes a label: call Train()");
  }
  return GuardedStep(sample, target, learning_rate, loss);
}

const TfLiteTensor* TrainingSession::Infer(const void* sample) {
  if (Begin() != kTfLiteOk) return nullptr;
  if (sample == nullptr) {
    Fail(TrainingError::kArgument, "no sample");
    return nullptr;
  }
  return Step(sample, nullptr, 0.0f) == kTfLiteOk ? interpreter_.output(0) : nullptr;
}

TfLiteStatus TrainingSession::Reset() {
  TF_LITE_ENSURE_STATUS(Begin());
  if (interpreter_.Reset() != kTfLiteOk) return Fail(TrainingError::kInvoke, "Reset() failed");
  steps_ = 0;
  return Step(nullptr, nullptr, 0.0f);
}

}  // namespace tflm_training
