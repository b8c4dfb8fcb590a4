// Adds the training operators to an op resolver of TFLite Micro.
#ifndef TFLM_TRAINING_REGISTER_TRAINING_OPS_H_
#define TFLM_TRAINING_REGISTER_TRAINING_OPS_H_

#include "kernels/core/registration.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace tflm_training {

// Number of operators that RegisterTrainingOps() adds.
#define TFLM_TRAINING_OP(CUSTOM_CODE) +1
constexpr unsigned int kTrainingOpCount = 0
#include "kernels/training_ops.inc"
    ;
#undef TFLM_TRAINING_OP

// Adds every training operator under its custom code ("CONV_2D_INPUT_GRAD", ...; the list
// is kernels/training_ops.inc). The forward operators of the model are added as ever:
//
//   tflite::MicroMutableOpResolver<tflm_training::kTrainingOpCount + 2> resolver;
//   resolver.AddConv2D();
//   resolver.AddFullyConnected();
//   tflm_training::RegisterTrainingOps(resolver);
//
// `N` must be at least kTrainingOpCount plus the number of forward operators. The resolver
// keeps pointers to constants only; it takes no arena. To link fewer operators, add the
// ones that the converter's report names by hand:
//
//   resolver.AddCustom("BIAS_UPDATE", tflm_training::Register_BIAS_UPDATE());
//
// Returns kTfLiteError, after TFLM has logged why, if the resolver is full or already has
// an operator of one of these names; those before it stay added.
template <unsigned int N>
TfLiteStatus RegisterTrainingOps(tflite::MicroMutableOpResolver<N>& resolver) {
#define TFLM_TRAINING_OP(CUSTOM_CODE) \
  TF_LITE_ENSURE_STATUS(resolver.AddCustom(#CUSTOM_CODE, Register_##CUSTOM_CODE()));
#include "kernels/training_ops.inc"
#undef TFLM_TRAINING_OP
  return kTfLiteOk;
}

}  // namespace tflm_training

#endif  // TFLM_TRAINING_REGISTER_TRAINING_OPS_H_
