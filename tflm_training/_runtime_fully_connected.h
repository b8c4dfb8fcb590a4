#ifndef TFLM_TRAINING_RUNTIME_FULLY_CONNECTED_H_
#define TFLM_TRAINING_RUNTIME_FULLY_CONNECTED_H_

#include "tensorflow/lite/micro/micro_common.h"

namespace tflm_training {

// FULLY_CONNECTED of the host library, with per-channel int8 filters as upstream TFLM has
// them. The library predates those and would quietly apply the first channel's scale to all.
// Per-tensor filters go to the library's own kernel and take no more arena than there; a
// per-channel filter takes two int32 tables of its output channels and a record besides.
TFLMRegistration RegisterFullyConnected();

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_FULLY_CONNECTED_H_
