// Random contents for tests that compare two kernels. Nothing but tests includes this.
#ifndef KERNELS_CORE_TEST_CONTENTS_H_
#define KERNELS_CORE_TEST_CONTENTS_H_

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/core/activation_mask.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"

namespace tflm_training {

// The most bits of mantissas whose `terms` products with up to `factor` stay inside int32.
inline int32_t BitsFor(int64_t terms, int64_t factor, int32_t most) {
  while (most > 1 && ((terms * factor) << most) > (int64_t{1} << 31)) --most;
  return most;
}

template <typename Mantissa>
constexpr int32_t kMaxBits = sizeof(Mantissa) == 1 ? 7 : 15;

class TestContents {
 public:
  explicit TestContents(uint32_t seed) : engine_(seed) {}

  int32_t Between(int32_t low, int32_t high) {
    const auto span = static_cast<uint32_t>(high) - static_cast<uint32_t>(low) + 1;
    const auto draw = static_cast<uint32_t>(engine_());
    return static_cast<int32_t>(static_cast<uint32_t>(low) + (span == 0 ? draw : draw % span));
  }
  int32_t OneOf(const std::vector<int32_t>& values) {
    return values[static_cast<size_t>(Between(0, static_cast<int32_t>(values.size()) - 1))];
  }
  template <typename T>
  std::vector<T> Vector(int32_t count, int32_t low, int32_t high) {
    std::vector<T> values(static_cast<size_t>(count));
    for (T& value : values) value = static_cast<T>(Between(low, high));
    return values;
  }

  // Mantissas up to `max_abs`, a third of them 0 as masks leave them, or all as far from 0 as
  // they go, with one sign, so that sums come near the end of int32.
  template <typename Mantissa>
  std::vector<Mantissa> Mantissas(int32_t count, int32_t max_abs) {
    const bool extreme = Between(0, 3) == 0;
    auto values = Vector<Mantissa>(count, extreme ? max_abs : -max_abs, max_abs);
    for (Mantissa& value : values) value = !extreme && Between(0, 2) == 0 ? Mantissa{0} : value;
    return values;
  }

  // Factors 2^-70 to 2^10: weights that rest, weights that are rounded, weights that jump.
  std::vector<float> UpdateScales(int32_t channels) {
    std::vector<float> factors(static_cast<size_t>(channels));
    for (float& factor : factors) {
      factor = PowerOfTwo(Between(0, 5) == 0 ? Between(-70, 10) : Between(-35, -10));
      factor *= 1.0f + 0.125f * static_cast<float>(Between(0, 7));
    }
    return factors;
  }

  // A layer of up to `most` channels that a kernel may be given: any stride, dilation, padding.
  // multiplier: of DEPTHWISE_CONV_2D, or 0 for CONV_2D.
  ConvGeometry Geometry(int32_t most, int32_t multiplier) {
    ConvGeometry g = {};
    g.filter_height = Between(1, OneOf({1, 3, 4, 7}));
    g.filter_width = Between(1, OneOf({1, 3, 5, 9}));
    g.stride_height = Between(1, OneOf({1, 2, 5}));
    g.stride_width = Between(1, OneOf({1, 2, 5}));
    g.dilation_height = Between(1, OneOf({1, 1, 3}));
    g.dilation_width = Between(1, OneOf({1, 1, 3}));
    g.output_height = Between(1, 6);
    g.output_width = Between(1, 9);
    g.padding_top = Between(0, OneOf({0, 1, 4}));
    g.padding_left = Between(0, OneOf({0, 1, 4}));
    // What the windows reach, a little less or a little more.
    g.input_height = Reach(g.output_height, g.stride_height, g.filter_height, g.dilation_height,
                           g.padding_top);
    g.input_width = Reach(g.output_width, g.stride_width, g.filter_width, g.dilation_width,
                          g.padding_left);
    g.input_channels = Between(1, most);
    g.output_channels = multiplier == 0 ? Between(1, most) : g.input_channels * multiplier;
    return g;
  }

  // A mask of any kind for `elements` elements; its memory lives as long as this object.
  ActivationMask Mask(int32_t elements) {
    const int32_t low = OneOf({-1000, -129, -128, -127, 0, 126, 127});
    const int32_t high = OneOf({1000, 128, 127, 126, 0, -127, -128});
    activation_ = Vector<int8_t>(elements, -128, 127);
    mask_bits_ = Vector<uint8_t>(MaskBytes(elements), 0, 255);
    const int32_t kind = Between(0, 2);
    return {kind == 1 ? activation_.data() : nullptr, low, high,
            kind == 2 ? mask_bits_.data() : nullptr};
  }

 private:
  int32_t Reach(int32_t outputs, int32_t stride, int32_t taps, int32_t dilation,
                int32_t padding) {
    const int32_t reach = (outputs - 1) * stride + (taps - 1) * dilation + 1 - padding;
    const int32_t inputs = reach + Between(-3, 3);
    return inputs < 1 ? 1 : inputs;
  }

  std::mt19937 engine_;
  std::vector<int8_t> activation_;
  std::vector<uint8_t> mask_bits_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_TEST_CONTENTS_H_
