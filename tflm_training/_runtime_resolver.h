#ifndef TFLM_TRAINING_RUNTIME_RESOLVER_H_
#define TFLM_TRAINING_RUNTIME_RESOLVER_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace tflm_training {

using HostOpResolver = tflite::MicroMutableOpResolver<160>;

// Adds the operators of the host library that an int8 network may hold, and the training
// operators. Throws std::runtime_error if one of them cannot be added.
void RegisterAllOps(HostOpResolver& resolver);

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_RESOLVER_H_
