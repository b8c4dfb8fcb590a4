// Prepare and Eval of the gradients of the convolution family: they differ in the shape of
// the filter and in the kernel that is called.
#ifndef KERNELS_CORE_CONV_OP_H_
#define KERNELS_CORE_CONV_OP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/gradient.h"
#include "kernels/core/op_util.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/tflm.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

using ConvInputGradKernel = GradientScale (*)(const ConvInputGradOptions& options,
                                              Mantissas gradient, GradientScale scale,
                                              const SplitFilter& filter,
                                              const int16_t* multiplier, ActivationMask mask,
                                              MutableMantissas input_gradient);
using ConvFilterUpdateKernel = void (*)(const ConvFilterUpdateOptions& options,
                                        const int8_t* input, Mantissas gradient,
                                        GradientScale scale, const FilterStep& step,
                                        TrainedWeights filter, Random* random);

// What tells CONV_2D from DEPTHWISE_CONV_2D before a kernel runs.
struct ConvFamily {
  // Filters are [1, KH, KW, O] rather than [O, KH, KW, I].
  bool depthwise;

  // The innermost dimension of the layer's filter.
  int32_t Channels(const ConvGeometry& g) const {
    return depthwise ? g.output_channels : g.input_channels;
  }
  // Elements of a filter with that innermost dimension, -1 if they pass int32.
  int32_t FilterElements(const ConvGeometry& g, int32_t channels) const {
    return Elements(depthwise ? 1 : g.output_channels, g.filter_height, g.filter_width, channels);
  }
  // The input channels that the first `channels` of the filter meet.
  int32_t InputChannels(const ConvGeometry& g, int32_t channels) const {
    return depthwise ? (channels - 1) / (g.output_channels / g.input_channels) + 1 : channels;
  }
};

// Checks the geometry, which follows the version in the options.
void CheckGeometry(OpCheck& check, ConvFamily family, const ConvGeometry& geometry);

// Checks `split`, which is not negative, and the two inputs that hold the filter.
void CheckSplitFilter(OpCheck& check, ConvFamily family, const ConvGeometry& geometry,
                      int32_t split, int filter_index, int frozen_index);

TfLiteStatus PrepareConvInputGrad(TfLiteContext* context, TfLiteNode* node, ConvFamily family);
TfLiteStatus EvalConvInputGrad(TfLiteContext* context, TfLiteNode* node, ConvFamily family,
                               ConvInputGradKernel kernel);

TfLiteStatus PrepareConvFilterUpdate(TfLiteContext* context, TfLiteNode* node, ConvFamily family);
TfLiteStatus EvalConvFilterUpdate(TfLiteContext* context, TfLiteNode* node,
                                  ConvFilterUpdateKernel kernel);

// The same functions as a registration holds them.
template <bool kDepthwise>
TfLiteStatus PrepareInputGradOf(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvInputGrad(context, node, {kDepthwise});
}
template <bool kDepthwise, ConvInputGradKernel kKernel>
TfLiteStatus EvalInputGradOf(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvInputGrad(context, node, {kDepthwise}, kKernel);
}
template <bool kDepthwise>
TfLiteStatus PrepareFilterUpdateOf(TfLiteContext* context, TfLiteNode* node) {
  return PrepareConvFilterUpdate(context, node, {kDepthwise});
}
template <ConvFilterUpdateKernel kKernel>
TfLiteStatus EvalFilterUpdateOf(TfLiteContext* context, TfLiteNode* node) {
  return EvalConvFilterUpdate(context, node, kKernel);
}

// The registrations of a family's two operators.
template <bool kDepthwise, ConvInputGradKernel kKernel>
const TFLMRegistration* ConvInputGradRegistration() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareInputGradOf<kDepthwise>, EvalInputGradOf<kDepthwise, kKernel>);
  return &registration;
}

template <bool kDepthwise, ConvFilterUpdateKernel kKernel>
const TFLMRegistration* ConvFilterUpdateRegistration() {
  static constexpr TFLMRegistration registration =
      MakeRegistration(PrepareFilterUpdateOf<kDepthwise>, EvalFilterUpdateOf<kKernel>);
  return &registration;
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_CONV_OP_H_
