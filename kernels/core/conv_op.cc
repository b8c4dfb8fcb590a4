#include "kernels/core/conv_op.h"

#include "kernels/core/op_util.h"

namespace tflm_training {
namespace {

int32_t InputElements(const ConvGeometry& g) {
  return Elements(g.input_height, g.input_width, g.input_channels);
}

int32_t OutputElements(const ConvGeometry& g) {
  return Elements(g.output_height, g.output_width, g.output_channels);
}

}  // namespace

TfLiteStatus PrepareConvInputGrad(TfLiteContext* context, TfLiteNode* node, const char* op,
                                  ConvFilterLayoutOf layout_of) {
  OpCheck check(context, node, op);
  const auto* options = check.Options<ConvInputGradOptions>();
  if (options == nullptr) return kTfLiteError;
  const ConvGeometry& g = options->geometry;
  const ConvFilterLayout layout = layout_of(g);
  check.Require(IsValid(g) && layout.valid, "geometry");
  check.GradientBits(options->gradient_bits);
  check.Require(options->accumulator_bits >= 1 && options->accumulator_bits <= 15,
                "accumulator_bits");
  check.Require(options->weight_bound >= 0, "weight_bound");
  check.Counts(5, 2);
  check.GradientInput(0, OutputElements(g));
  check.Input(2, kTfLiteInt8, layout.elements);
  check.OptionalInput(3, kTfLiteInt16, g.output_channels);
  check.OptionalInput(4, kTfLiteInt8, InputElements(g));
  check.GradientOutput(0, InputElements(g));
  return check.status();
}

TfLiteStatus EvalConvInputGrad(TfLiteContext* context, TfLiteNode* node,
                               ConvInputGradKernel kernel) {
  const auto& options = GetOptions<ConvInputGradOptions>(node);
  GradientScale scale = ReadGradientScale(InputData<float>(context, node, 1));
  if (scale.max_abs != 0) {
    const ActivationMask mask = {InputData<int8_t>(context, node, 4), options.mask_min,
                                 options.mask_max};
    scale = kernel(options, InputData<int16_t>(context, node, 0), scale,
                   InputData<int8_t>(context, node, 2), InputData<int16_t>(context, node, 3),
                   mask, OutputData<int16_t>(context, node, 0));
  }
  WriteGradientScale(scale, OutputData<float>(context, node, 1));
  return kTfLiteOk;
}

TfLiteStatus PrepareConvFilterUpdate(TfLiteContext* context, TfLiteNode* node, const char* op,
                                     ConvFilterLayoutOf layout_of) {
  OpCheck check(context, node, op);
  const auto* options = check.Options<ConvFilterUpdateOptions>();
  if (options == nullptr) return kTfLiteError;
  const ConvGeometry& g = options->geometry;
  const ConvFilterLayout layout = layout_of(g);
  check.Require(IsValid(g) && layout.valid, "geometry");
  check.Require(options->input_zero_point >= -128 && options->input_zero_point <= 127,
                "input_zero_point");
  check.Require(options->channels >= 1 && options->channels <= layout.trained_channels,
                "channels");
  check.Require(options->clamp >= 1 && options->clamp <= 127, "clamp");
  check.Counts(7, 0);
  check.Input(0, kTfLiteInt8, InputElements(g));
  check.GradientInput(1, OutputElements(g));
  check.WritableInput(3, kTfLiteInt8, layout.elements);
  check.Input(4, kTfLiteFloat32, 1);
  check.ChannelInput(5, g.output_channels);
  check.WritableInput(6, kTfLiteInt32, 1);
  return check.status();
}

TfLiteStatus EvalConvFilterUpdate(TfLiteContext* context, TfLiteNode* node,
                                  ConvFilterUpdateKernel kernel) {
  const GradientScale scale = ReadGradientScale(InputData<float>(context, node, 2));
  if (scale.max_abs == 0) return kTfLiteOk;
  const FilterStep step = {*InputData<float>(context, node, 4),
                           InputData<float>(context, node, 5),
                           IsPerChannel(context, node, 5)};
  auto* state = WritableInputData<uint32_t>(context, node, 6);
  Random random(*state);
  kernel(GetOptions<ConvFilterUpdateOptions>(node), InputData<int8_t>(context, node, 0),
         InputData<int16_t>(context, node, 1), scale, step,
         WritableInputData<int8_t>(context, node, 3), &random);
  *state = random.state();
  return kTfLiteOk;
}

}  // namespace tflm_training
