#include "kernels/core/gradient.h"

namespace tflm_training {

int ShiftToBits(int64_t bound, int bits) {
  return Max(0, Bits(static_cast<uint64_t>(bound)) - bits);
}

}  // namespace tflm_training
