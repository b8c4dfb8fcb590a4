#include "kernels/core/optimize_size.h"

#include "kernels/core/registration.h"
#include "kernels/core/training_conv_op.h"
#include "kernels/training_conv_2d/training_conv_2d.h"

namespace tflm_training {
namespace {

constexpr ConvFamily kFamily = {/*depthwise=*/false};

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  return PrepareTrainingConv(context, node, kFamily);
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  return EvalTrainingConv(context, node, kFamily, TrainingConv2D, TrainingConv2D);
}

constexpr TFLMRegistration kRegistration = MakeRegistration(Prepare, Eval);

}  // namespace

const TFLMRegistration* Register_TRAINING_CONV_2D() { return &kRegistration; }

}  // namespace tflm_training
