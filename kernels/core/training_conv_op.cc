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

// A filter of two parts, or of a layer for which `conv_2d` is the quicker kernel, is brought into one
// piece on the stack if that takes so many bytes, for maps of so many pixels. A kernel that reads
// the parts where they are does it for every group of pixels.
constexpr uint32_t kMovedBytes = 1408;
constexpr int32_t kManyPixels = 32;

// Moves both parts of a filter of `rows` rows to weights that are `row_step` and `step` apart.
TFLM_TRAINING_NOINLINE void MoveFilter(const SplitFilter& filter, int32_t rows, int32_t row_step,
                                       int32_t step, int8_t* to) {
  for (const FilterPart& part : filter) {
    const int8_t* weights = part.weights;
    for (int32_t row = 0; row < rows; ++row) {
      int8_t* weight = to + row * row_step + part.begin * step;
      for (int32_t c = part.channels(); c > 0; --c, weight += step) *weight = *weights++;
    }
  }
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

TfLiteStatus PrepareTrainingConv(TfLiteContext* context, TfLiteNode* node, ConvFamily family) {
  OpCheck check(context, node);
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
                              TrainingConvKernel kernel, TrainingConvKernel conv_2d) {
  const auto& options = GetOptions<TrainingConvOptions>(node);
  const ConvGeometry& g = options.geometry;
  const InputList<kInput, kFrozenFilter + 1> inputs(context, node);
  const int8_t* input = inputs.Data<const int8_t>(kInput);
  const int32_t channels = family.Channels(g);
  SplitFilter filter(inputs.Data<const int8_t>(kFilter),
                     inputs.Data<const int8_t>(kFrozenFilter), options.split, channels);
  // Of one input channel, DEPTHWISE_CONV_2D is CONV_2D with a transposed filter.
  const bool is_conv_2d = family.depthwise && g.input_channels == 1;
  int8_t moved[kMovedBytes];
  const int32_t rows = g.filter_height * g.filter_width * (family.depthwise ? 1 : g.output_channels);
  // Each part has less than 2^31 weights.
  if ((is_conv_2d || options.split != 0) && g.output_height * g.output_width >= kManyPixels &&
      static_cast<uint32_t>(rows) * static_cast<uint32_t>(channels) <= kMovedBytes) {
    const int32_t width = is_conv_2d ? 1 : channels;
    MoveFilter(filter, rows, width, is_conv_2d ? rows : 1, moved);
    filter = SplitFilter(moved, nullptr, 0, width);
    if (is_conv_2d) kernel = conv_2d;
  }
  const Requantisation requantisation = {inputs.Data<const int32_t>(kBias),
                                         inputs.Data<const int32_t>(kMultiplier),
                                         inputs.Data<const int8_t>(kShift),
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
