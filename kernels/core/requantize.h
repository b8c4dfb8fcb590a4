// From the int32 accumulator of a forward operator to its int8 output, with the double
// rounding that TFLite Micro's reference kernels and CMSIS-NN share.
#ifndef KERNELS_CORE_REQUANTIZE_H_
#define KERNELS_CORE_REQUANTIZE_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"

namespace tflm_training {

// a + b modulo 2^32: where the forward operators of TFLite Micro overflow, they wrap.
inline int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

// value * multiplier * 2^(shift - 31) for multiplier >= 0 and shift in -31..30. As
// MultiplyByQuantizedMultiplier in tensorflow/lite/kernels/internal/common.cc without
// TFLITE_SINGLE_ROUNDING: gemmlowp's SaturatingRoundingDoublingHighMul, which rounds half up
// and saturates for a negative multiplier only, then RoundingDivideByPOT, which rounds half
// away from zero.
inline int32_t MultiplyByQuantizedMultiplier(int32_t value, int32_t multiplier, int shift) {
  const int left = shift > 0 ? shift : 0;
  const int right = shift > 0 ? 0 : -shift;
  const auto shifted = static_cast<int32_t>(static_cast<uint32_t>(value) << left);
  const auto high = static_cast<int32_t>(
      (static_cast<int64_t>(shifted) * multiplier + (int64_t{1} << 30)) >> 31);
  const uint32_t mask = (uint32_t{1} << right) - 1;
  const uint32_t remainder = static_cast<uint32_t>(high) & mask;
  const uint32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + (remainder > threshold ? 1 : 0);
}

// From an accumulator, bias included, to the output.
int8_t Requantize(const TrainingConvOptions& options, int32_t acc, int32_t multiplier, int shift);

// What follows the sum of products, for each output channel.
struct Requantisation {
  const int32_t* bias;        // int32 [O], or nullptr
  const int32_t* multiplier;  // int32 [O] or [1], >= 0
  const int8_t* shift;        // as many, -31..30
  bool per_channel;           // the two tables have an element for each channel

  int8_t Output(const TrainingConvOptions& options, int32_t acc, int32_t channel) const;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_REQUANTIZE_H_
