// DEPTHWISE_CONV_2D with the tables of the requantisation in flash and a filter that may be
// split between SRAM and flash.
// Formulas: docs/arithmetic.md; shapes and options: converter/ir/training_ops.py.
#ifndef KERNELS_TRAINING_DEPTHWISE_CONV_2D_TRAINING_DEPTHWISE_CONV_2D_H_
#define KERNELS_TRAINING_DEPTHWISE_CONV_2D_TRAINING_DEPTHWISE_CONV_2D_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/requantize.h"
#include "kernels/core/split_filter.h"

namespace tflm_training {

// output = the quantised convolution of `input`, equal to TFLite Micro's DEPTHWISE_CONV_2D in
// every bit.
//   input           int8 [H, W, I]
//   filter          int8 [KH, KW, k] and [KH, KW, O - k], both parts or one
//   requantisation  bias and tables
//   output          int8 [OH, OW, O], O = I * depth multiplier; see below on overlap
// The accumulator does not overflow if KH * KW * 255 * 127 < 2^31. The caller owns all
// memory. On overlap: as TrainingConv2D(). About 600 bytes of stack, 1200 with the DSP extension.
void TrainingDepthwiseConv2D(const TrainingConvOptions& options, const int8_t* input,
                             const SplitFilter& filter, const Requantisation& requantisation,
                             int8_t* output);

}  // namespace tflm_training

#endif  // KERNELS_TRAINING_DEPTHWISE_CONV_2D_TRAINING_DEPTHWISE_CONV_2D_H_
