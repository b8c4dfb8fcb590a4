// A TFLM application, as small as it gets, that links the training operators and a session.

#include <cstdio>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tflm_training/register_training_ops.h"
#include "tflm_training/training_session.h"

static tflite::MicroMutableOpResolver<tflm_training::kTrainingOpCount> resolver;

// Never called; it makes the linker find the session.
TfLiteStatus Train(tflm_training::TrainingSession& session, const void* sample) {
  return session.Train(sample, 0, 0.01f, nullptr);
}

int main() {
  if (tflm_training::RegisterTrainingOps(resolver) != kTfLiteOk) return 1;
  printf("%u\n", resolver.GetRegistrationLength());
  return 0;
}
