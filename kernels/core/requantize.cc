#include "kernels/core/requantize.h"

namespace tflm_training {

int8_t Requantize(const TrainingConvOptions& options, int32_t acc, int32_t multiplier, int shift) {
  const int32_t scaled = MultiplyByQuantizedMultiplier(acc, multiplier, shift);
  return static_cast<int8_t>(Clamp(WrappingAdd(scaled, options.output_zero_point),
                                   options.activation_min, options.activation_max));
}

int8_t Requantisation::Output(const TrainingConvOptions& options, int32_t acc,
                              int32_t channel) const {
  const int32_t entry = per_channel ? channel : 0;
  if (bias != nullptr) acc = WrappingAdd(acc, bias[channel]);
  return Requantize(options, acc, multiplier[entry], shift[entry]);
}

}  // namespace tflm_training
