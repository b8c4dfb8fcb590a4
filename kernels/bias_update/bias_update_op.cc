#include "kernels/core/optimize_size.h"

#include "kernels/bias_update/bias_update.h"
#include "kernels/core/op_util.h"
#include "kernels/core/registration.h"

namespace tflm_training {
namespace {

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  OpCheck check(context, node);
  static constexpr Bound kBounds[] = {{1, 3, 1, 0},    // positions, channels, clamp
                                      {4, 1, 0, -1}};  // limit
  const auto* options = check.Options<BiasUpdateOptions>(kBounds);
  if (options == nullptr) return kTfLiteError;
  check.Require(options->positions <= BiasUpdateOptions::kMaxPositions, "positions");
  check.Counts(6, 0);
  check.GradientInput(0, Elements(options->positions, options->channels));
  check.WritableInput(2, kTfLiteInt32, options->channels);
  check.Input(3, kTfLiteFloat32, 1);
  check.ChannelInput(4, options->channels);
  check.WritableInput(5, kTfLiteInt32, 1);
  return check.status();
}

TfLiteStatus Eval(TfLiteContext* context, TfLiteNode* node) {
  const GradientScale scale = InputScale(context, node, 1);
  if (scale.max_abs == 0) return kTfLiteOk;
  const InputList<2, 6> inputs(context, node);
  auto* state = inputs.Data<uint32_t>(5);
  Random random(*state);
  BiasUpdate(GetOptions<BiasUpdateOptions>(node), InputMantissas(context, node, 0), scale,
             *inputs.Data<const float>(3), inputs.Data<const float>(4),
             IsPerChannel(context, node, 4), inputs.Data<int32_t>(2), &random);
  *state = random.state();
  return kTfLiteOk;
}

}  // namespace

const TFLMRegistration* Register_BIAS_UPDATE() {
  static constexpr TFLMRegistration registration = MakeRegistration(Prepare, Eval);
  return &registration;
}

}  // namespace tflm_training
