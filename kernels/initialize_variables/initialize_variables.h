// Copies initial values out of the flatbuffer into variables, once after every Reset().
//
// TFLM zeroes all variables at the end of AllocateTensors() and Reset(), after the reset
// callbacks of the operators. A flag that the reset callback clears therefore makes the
// next Invoke() fill them again; a variable without an initial value is cleared. The operator comes before all that read a variable.
#ifndef KERNELS_INITIALIZE_VARIABLES_INITIALIZE_VARIABLES_H_
#define KERNELS_INITIALIZE_VARIABLES_INITIALIZE_VARIABLES_H_

#include <cstdint>

namespace tflm_training {

// Same words, same order as InitializeVariables in converter/ir/training_ops.py.
struct InitializeVariablesOptions {
  static constexpr int32_t kVersion = 1;

  int32_t version;
};
static_assert(sizeof(InitializeVariablesOptions) == 1 * 4, "a record of 32-bit words");

}  // namespace tflm_training

#endif  // KERNELS_INITIALIZE_VARIABLES_INITIALIZE_VARIABLES_H_
