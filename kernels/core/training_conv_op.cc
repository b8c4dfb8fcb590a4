#include "kernels/core/optimize_size.h"

#include "kernels/core/training_conv_op.h"

#include <cstring>

#include "kernels/core/activation_mask.h"
#include "kernels/core/dsp.h"
#include "kernels/core/mask_bits_dsp.h"
#include "kernels/core/op_util.h"

namespace tflm_training {
namespace {

constexpr int kInput = 0;
constexpr int kFilter = 1;
constexpr int kBias = 2;
constexpr int kMultiplier = 3;
constexpr int kShift = 4;
constexpr int kFrozenFilter = 5;

// The tables are constants, so that their entries can be checked once.
void CheckTables(OpCheck& check, const TfLiteContext* context, const TfLiteNode* node,
                 int32_t channels) {
  check.ChannelConstant(kMultiplier, kTfLiteInt32, channels);
  if (check.status() != kTfLiteOk) return;
  const int32_t entries = IsPerChannel(context, node, kMultiplier) ? channels : 1;
  check.ConstantInput(kShift, kTfLiteInt8, entries);
  if (check.status() != kTfLiteOk) return;
  const int32_t* multiplier = InputData<int32_t>(context, node, kMultiplier);
  const int8_t* shift = InputData<int8_t>(context, node, kShift);
  int32_t signs = 0;  // below 0 for a negative multiplier, a shift below -31 or above 30
  for (int32_t i = 0; i < entries; ++i) signs |= multiplier[i] | (shift[i] + 31) | (30 - shift[i]);
  check.Require(signs >= 0, "output_multiplier or output_shift");
}

// The first channels of every pixel.
void SaveChannels(const ConvGeometry& g, const int8_t* input, int32_t channels,
                  int8_t* saved) {
  const int32_t pixels = g.input_height * g.input_width;
  for (int32_t i = 0; i < pixels; ++i) {
    memcpy(saved + i * channels, input + i * g.input_channels, static_cast<size_t>(channels));
  }
}

}  // namespace

TfLiteStatus PrepareTrainingConv(TfLiteContext* context, TfLiteNode* node, const char* op,
                                 ConvFamily family) {
  OpCheck check(context, node, op);
  static constexpr Bound kBounds[] = {{15, 4, -128, 127},  // zero points, activation range
                                      {19, 2, 0, -1},      // split, saved_channels
                                      {21, 1, 0, 1}};      // saves_mask
  const auto* options = check.Options<TrainingConvOptions>(kBounds);
  if (options == nullptr) return kTfLiteError;
  const ConvGeometry& g = options->geometry;
  const bool saves_input = options->saved_channels > 0;
  CheckGeometry(check, family, g);
  check.Require(options->activation_min <= options->activation_max &&
                    options->saved_channels <= g.input_channels,
                "activation range or saved_channels");
  if (check.status() != kTfLiteOk) return kTfLiteError;

  check.Counts(6, 1 + (saves_input ? 1 : 0) + options->saves_mask);
  check.Input(kInput, kTfLiteInt8, InputElements(g));
  CheckSplitFilter(check, family, g, options->split, kFilter, kFrozenFilter);
  check.OptionalInput(kBias, kTfLiteInt32, g.output_channels);
  CheckTables(check, context, node, g.output_channels);
  check.Output(0, kTfLiteInt8, OutputElements(g));
  if (saves_input) {
    check.Output(1, kTfLiteInt8,
                 Elements(g.input_height, g.input_width, options->saved_channels));
  }
  if (options->saves_mask != 0) {
    check.Output(saves_input ? 2 : 1, kTfLiteUInt8, InputElements(g));
  }
  return check.status();
}

TfLiteStatus EvalTrainingConv(TfLiteContext* context, TfLiteNode* node, ConvFamily family,
                              TrainingConvKernel kernel) {
  const auto& options = GetOptions<TrainingConvOptions>(node);
  const ConvGeometry& g = options.geometry;
  const int8_t* input = InputData<int8_t>(context, node, kInput);
  const SplitFilter filter(InputData<int8_t>(context, node, kFilter),
                           InputData<int8_t>(context, node, kFrozenFilter), options.split,
                           family.Channels(g));
  const Requantisation requantisation = {InputData<int32_t>(context, node, kBias),
                                         InputData<int32_t>(context, node, kMultiplier),
                                         InputData<int8_t>(context, node, kShift),
                                         IsPerChannel(context, node, kMultiplier)};
  kernel(options, input, filter, requantisation, OutputData<int8_t>(context, node, 0));
  int output = 1;
  if (options.saved_channels > 0) {
    SaveChannels(g, input, options.saved_channels, OutputData<int8_t>(context, node, output++));
  }
  if (options.saves_mask != 0) {
    constexpr auto write = TFLM_TRAINING_DSP_KERNELS ? WriteMaskBitsDsp : WriteMaskBits;
    write(input, InputElements(g), options.mask_min, options.mask_max,
          OutputData<uint8_t>(context, node, output));
  }
  return kTfLiteOk;
}

}  // namespace tflm_training
