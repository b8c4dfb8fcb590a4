// Prepare and Eval of the four operators of the convolution family: they differ in the
// shape of the filter and in the kernel that is called.
#ifndef KERNELS_CORE_CONV_OP_H_
#define KERNELS_CORE_CONV_OP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/gradient.h"
#include "kernels/core/random.h"
#include "kernels/core/tflm.h"

namespace tflm_training {

using ConvInputGradKernel = GradientScale (*)(const ConvInputGradOptions& options,
                                              const int16_t* gradient, GradientScale scale,
                                              const int8_t* filter, const int16_t* multiplier,
                                              ActivationMask mask, int16_t* input_gradient);
using ConvFilterUpdateKernel = void (*)(const ConvFilterUpdateOptions& options,
                                        const int8_t* input, const int16_t* gradient,
                                        GradientScale scale, const FilterStep& step,
                                        int8_t* filter, Random* random);

// What a geometry says about the filter.
struct ConvFilterLayout {
  int32_t elements;          // of the whole filter, -1 if they pass int32
  int32_t trained_channels;  // the most that `channels` may be
  bool valid;                // the channels of the geometry fit each other
};
using ConvFilterLayoutOf = ConvFilterLayout (*)(const ConvGeometry& geometry);

TfLiteStatus PrepareConvInputGrad(TfLiteContext* context, TfLiteNode* node, const char* op,
                                  ConvFilterLayoutOf layout_of);
TfLiteStatus EvalConvInputGrad(TfLiteContext* context, TfLiteNode* node,
                               ConvInputGradKernel kernel);

TfLiteStatus PrepareConvFilterUpdate(TfLiteContext* context, TfLiteNode* node, const char* op,
                                     ConvFilterLayoutOf layout_of);
TfLiteStatus EvalConvFilterUpdate(TfLiteContext* context, TfLiteNode* node,
                                  ConvFilterUpdateKernel kernel);

}  // namespace tflm_training

#endif  // KERNELS_CORE_CONV_OP_H_
