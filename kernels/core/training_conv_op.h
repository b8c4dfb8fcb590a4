// Prepare and Eval of the forward convolutions: they differ in the shape of the filter and in
// the kernel that is called.
#ifndef KERNELS_CORE_TRAINING_CONV_OP_H_
#define KERNELS_CORE_TRAINING_CONV_OP_H_

#include <cstdint>

#include "kernels/core/conv_op.h"
#include "kernels/core/conv_options.h"
#include "kernels/core/requantize.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/tflm.h"

namespace tflm_training {

using TrainingConvKernel = void (*)(const TrainingConvOptions& options, const int8_t* input,
                                    const SplitFilter& filter,
                                    const Requantisation& requantisation, int8_t* output);

TfLiteStatus PrepareTrainingConv(TfLiteContext* context, TfLiteNode* node, ConvFamily family);
// Runs the kernel, then writes what the backward pass needs of the input. `conv_2d` is
// TrainingConv2D, for layers of the other family that are one. Up to 1.6 KB of stack beyond the
// kernel's.
TfLiteStatus EvalTrainingConv(TfLiteContext* context, TfLiteNode* node, ConvFamily family,
                              TrainingConvKernel kernel, TrainingConvKernel conv_2d);

}  // namespace tflm_training

#endif  // KERNELS_CORE_TRAINING_CONV_OP_H_
