// CONV_2D and, as a map of [rows, 1, C] with a 1x1 filter, FULLY_CONNECTED, with the tables of
// the requantisation in flash and a filter that may be split between SRAM and flash.
// Formulas: docs/arithmetic.md; shapes and options: converter/ir/training_ops.py.
#ifndef KERNELS_TRAINING_CONV_2D_TRAINING_CONV_2D_H_
#define KERNELS_TRAINING_CONV_2D_TRAINING_CONV_2D_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/requantize.h"
#include "kernels/core/split_filter.h"

namespace tflm_training {

// output = the quantised convolution of `input`, equal to TFLite Micro's CONV_2D in every bit.
//   input           int8 [H, W, I]
//   filter          int8 [O, KH, KW, k] and [O, KH, KW, I - k], both parts or one
//   requantisation  bias and tables
//   output          int8 [OH, OW, O]; see below on overlap
// The accumulator does not overflow if KH * KW * I * 255 * 127 < 2^31. The caller owns all
// memory. The memory plan may let `output` overlap `input` from below (converter/planning/
// sharing.py): rows are written in ascending order, and a row of the output is written after
// the last read of the input rows that it covers. A variant of this kernel must keep to that.
// About 900 bytes of stack, 2000 with the DSP extension.
void TrainingConv2D(const TrainingConvOptions& options, const int8_t* input,
                    const SplitFilter& filter, const Requantisation& requantisation,
                    int8_t* output);

}  // namespace tflm_training

#endif  // KERNELS_TRAINING_CONV_2D_TRAINING_CONV_2D_H_
