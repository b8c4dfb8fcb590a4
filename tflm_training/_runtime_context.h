// What the host library leaves null in the context that kernels see, so that they crash.

#ifndef TFLM_TRAINING_RUNTIME_CONTEXT_H_
#define TFLM_TRAINING_RUNTIME_CONTEXT_H_

#include "tensorflow/lite/core/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflm_training {

// Fills the missing functions of an interpreter's context: ReportError, and those of the
// library's own that say whether a tensor is a variable or a constant (SVDF and LSTMs ask).
void CompleteContext(const TfLiteContext& context);

// While one lives, the interpreter that this thread prepares is that of `model`, which must
// outlive it.
class Preparing {
 public:
  explicit Preparing(const tflite::Model* model);
  ~Preparing();
  Preparing(const Preparing&) = delete;
  Preparing& operator=(const Preparing&) = delete;
};

}  // namespace tflm_training

#endif  // TFLM_TRAINING_RUNTIME_CONTEXT_H_
