// What TFLite Micro takes for granted of a model. Host only: throws and allocates.

#ifndef TFLM_TRAINING_RUNTIME_CHECK_H_
#define TFLM_TRAINING_RUNTIME_CHECK_H_

#include "tensorflow/lite/schema/schema_generated.h"

namespace tflm_training {

// Throws std::invalid_argument for a model, already verified as a flatbuffer, whose indices, sizes
// or quantisation would make TFLite Micro read outside its memory: it checks none of them.
void CheckModel(const tflite::Model& model);

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_CHECK_H_
