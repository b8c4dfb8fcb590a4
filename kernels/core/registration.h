// Declares `const TFLMRegistration* Register_<CUSTOM_CODE>()` for every training operator.
// The registration is a constant that outlives every interpreter.
#ifndef KERNELS_CORE_REGISTRATION_H_
#define KERNELS_CORE_REGISTRATION_H_

#include "kernels/core/tflm.h"

namespace tflm_training {

#define TFLM_TRAINING_OP(CUSTOM_CODE) const TFLMRegistration* Register_##CUSTOM_CODE();
#include "kernels/training_ops.inc"
#undef TFLM_TRAINING_OP

}  // namespace tflm_training

#endif  // KERNELS_CORE_REGISTRATION_H_
