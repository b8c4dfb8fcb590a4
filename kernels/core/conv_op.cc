#include "kernels/core/optimize_size.h"

#include "kernels/core/conv_op.h"

namespace tflm_training {

void CheckGeometry(OpCheck& check, ConvFamily family, const ConvGeometry& g) {
  static constexpr Bound kBounds[] = {
      {1, 2, 1, kMaxExtent},  // input height and width
      {3, 1, 1, 0},           // input channels
      {4, 4, 1, kMaxExtent},  // filter, output
      {8, 1, 1, 0},           // output channels
      {9, 4, 1, kMaxExtent},  // strides, dilations
      {13, 2, 0, kMaxExtent}  // paddings
  };
  check.Bounds(kBounds);
  if (check.status() != kTfLiteOk) return;
  check.Require(!family.depthwise || g.output_channels % g.input_channels == 0, "channels");
}

void CheckSplitFilter(OpCheck& check, ConvFamily family, const ConvGeometry& g, int32_t split,
                      int filter_index, int frozen_index) {
  if (check.status() != kTfLiteOk) return;
  const int32_t channels = family.Channels(g);
  // A split above the channels leaves less than no channel to the frozen filter.
  check.Require(check.Has(frozen_index) == (split > 0), "frozen_filter");
  check.Input(filter_index, kTfLiteInt8, family.FilterElements(g, split == 0 ? channels : split));
  check.OptionalInput(frozen_index, kTfLiteInt8, family.FilterElements(g, channels - split));
}

TfLiteStatus PrepareConvInputGrad(TfLiteContext* context, TfLiteNode* node, ConvFamily family) {
  OpCheck check(context, node);
  static constexpr Bound kBounds[] = {{15, 1, 1, 15},   // accumulator_bits
                                      {17, 1, 0, -1},   // weight_bound
                                      {21, 1, 0, -1}};  // split
  const auto* options = check.Options<ConvInputGradOptions>(kBounds);
  if (options == nullptr) return kTfLiteError;
  const ConvGeometry& g = options->geometry;
  CheckGeometry(check, family, g);
  check.Counts(6, 2);
  check.GradientInput(0, OutputElements(g));
  CheckSplitFilter(check, family, g, options->split, 2, 5);
  check.OptionalInput(3, kTfLiteInt16, g.output_channels);
  check.MaskInput(4, InputElements(g));
  check.GradientOutput(0, InputElements(g));
  check.GradientBits(options->gradient_bits);
  return check.status();
}

TfLiteStatus EvalConvInputGrad(TfLiteContext* context, TfLiteNode* node, ConvFamily family,
                               ConvInputGradKernel kernel) {
  const auto& options = GetOptions<ConvInputGradOptions>(node);
  GradientScale scale = InputScale(context, node, 1);
  if (scale.max_abs != 0) {
    const InputList<2, 6> inputs(context, node);
    const SplitFilter filter(inputs.Data<const int8_t>(2), inputs.Data<const int8_t>(5),
                             options.split, family.Channels(options.geometry));
    scale = kernel(options, InputMantissas(context, node, 0), scale, filter,
                   inputs.Data<const int16_t>(3),
                   InputMask(context, node, 4, options.mask_min, options.mask_max),
                   OutputMantissas(context, node, 0));
  }
  OutputScale(context, node, 1, scale);
  return kTfLiteOk;
}

TfLiteStatus PrepareConvFilterUpdate(TfLiteContext* context, TfLiteNode* node, ConvFamily family) {
  OpCheck check(context, node);
  static constexpr Bound kBounds[] = {{15, 1, -128, 127},  // input_zero_point
                                      {16, 1, 1, 0},       // channels
                                      {17, 1, 1, 127}};    // clamp
  const auto* options = check.Options<ConvFilterUpdateOptions>(kBounds);
  if (options == nullptr) return kTfLiteError;
  const ConvGeometry& g = options->geometry;
  CheckGeometry(check, family, g);
  check.Require(options->channels <= family.Channels(g), "channels");
  check.Counts(8, 0);
  if (check.status() != kTfLiteOk) return kTfLiteError;

  const int32_t filter_channels = options->FilterStride(family.Channels(g));
  check.Require(options->InputStride() >= family.InputChannels(g, options->channels),
                "stored_channels");
  check.Require(filter_channels >= options->channels, "filter_channels");
  check.Input(0, kTfLiteInt8, Elements(g.input_height, g.input_width, options->InputStride()));
  check.GradientInput(1, OutputElements(g));
  const int32_t filter_elements = family.FilterElements(g, filter_channels);
  check.WritableInput(3, kTfLiteInt8, filter_elements);
  check.Input(4, kTfLiteFloat32, 1);
  check.ChannelInput(5, g.output_channels);
  check.WritableInput(6, kTfLiteInt32, 1);
  check.OptionalWritableInput(7, kTfLiteInt8, filter_elements);
  return check.status();
}

TfLiteStatus EvalConvFilterUpdate(TfLiteContext* context, TfLiteNode* node,
                                  ConvFilterUpdateKernel kernel) {
  const GradientScale scale = InputScale(context, node, 2);
  if (scale.max_abs == 0) return kTfLiteOk;
  const InputList<0, 8> inputs(context, node);
  const FilterStep step = {*inputs.Data<const float>(4), inputs.Data<const float>(5),
                           IsPerChannel(context, node, 5)};
  auto* state = inputs.Data<uint32_t>(6);
  Random random(*state);
  kernel(GetOptions<ConvFilterUpdateOptions>(node), inputs.Data<const int8_t>(0),
         InputMantissas(context, node, 1), scale, step,
         {inputs.Data<int8_t>(3), inputs.Data<int8_t>(7)}, &random);
  *state = random.state();
  return kTfLiteOk;
}

}  // namespace tflm_training
