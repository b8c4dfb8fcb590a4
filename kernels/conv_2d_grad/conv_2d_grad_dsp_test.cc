// The kernels for the DSP extension, its instructions emulated, against the reference: every
// bit, for layers of many shapes and random contents.
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/core/random_jump.h"

namespace tflm_training {

// conv_2d_grad_dsp.cc under other names, see bazel/kernel.bzl.
decltype(Conv2DInputGrad) Conv2DInputGradDsp;
decltype(Conv2DFilterUpdate) Conv2DFilterUpdateDsp;

namespace {

struct Layer {
  const char* name;
  ConvGeometry geometry;
};

// input height, width, channels; filter height, width; output height, width, channels;
// strides; dilations; paddings.
const Layer kLayers[] = {
    {"fully connected", {1, 1, 37, 1, 1, 1, 1, 10, 1, 1, 1, 1, 0, 0}},
    {"fully connected, long sum", {1, 1, 9, 1, 1, 1, 1, 700, 1, 1, 1, 1, 0, 0}},
    {"rows of vectors", {5, 1, 6, 1, 1, 5, 1, 7, 1, 1, 1, 1, 0, 0}},
    {"one of everything", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}},
    {"pointwise 4x4, many outputs", {4, 4, 24, 1, 1, 4, 4, 230, 1, 1, 1, 1, 0, 0}},
    {"pointwise 4x4, many inputs", {4, 4, 130, 1, 1, 4, 4, 48, 1, 1, 1, 1, 0, 0}},
    {"pointwise 8x8", {8, 8, 20, 1, 1, 8, 8, 40, 1, 1, 1, 1, 0, 0}},
    {"pointwise, odd", {5, 11, 13, 1, 1, 5, 11, 9, 1, 1, 1, 1, 0, 0}},
    {"pointwise, strided", {7, 9, 6, 1, 1, 4, 5, 12, 2, 2, 1, 1, 0, 0}},
    {"3x3 SAME", {6, 7, 5, 3, 3, 6, 7, 8, 1, 1, 1, 1, 1, 1}},
    {"3x3, 64 outputs or more", {9, 9, 7, 3, 3, 9, 9, 66, 1, 1, 1, 1, 1, 1}},
    {"3x3, stride 2", {9, 10, 4, 3, 3, 5, 5, 6, 2, 2, 1, 1, 1, 0}},
    {"2x5, dilated", {8, 12, 3, 2, 5, 6, 8, 4, 1, 1, 2, 3, 0, 4}},
    {"4x2, stride 3", {10, 19, 9, 4, 2, 3, 7, 5, 3, 3, 1, 1, 0, 1}},
    {"padding beyond the filter", {2, 3, 4, 2, 2, 7, 8, 3, 1, 1, 1, 1, 3, 3}},
    {"stride beyond the filter", {9, 9, 5, 2, 2, 2, 2, 6, 5, 5, 1, 1, 0, 0}},
    {"long rows", {2, 70, 6, 1, 3, 2, 70, 33, 1, 1, 1, 1, 0, 1}},
};

class Fill {
 public:
  explicit Fill(uint32_t seed) : engine_(seed) {}

  int32_t Between(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(engine_() % static_cast<uint32_t>(high - low + 1));
  }
  template <typename T>
  std::vector<T> Vector(int32_t count, int32_t low, int32_t high) {
    std::vector<T> values(static_cast<size_t>(count));
    for (T& value : values) value = static_cast<T>(Between(low, high));
    return values;
  }
  // Mantissas up to `max_abs`, a third of them 0 as masks leave them, or all as far from 0 as
  // they go, with one sign, so that sums come near the end of int32.
  template <typename T>
  std::vector<T> Mantissas(int32_t count, int32_t max_abs) {
    const bool extreme = Between(0, 3) == 0;
    std::vector<T> values = Vector<T>(count, extreme ? max_abs : -max_abs, max_abs);
    for (T& value : values) value = !extreme && Between(0, 2) == 0 ? T{0} : value;
    return values;
  }

 private:
  std::mt19937 engine_;
};

int32_t OutputMantissas(const ConvGeometry& g) {
  return Elements(g.output_height, g.output_width, g.output_channels);
}

// The most bits that keep `terms` products of at most `factor` inside int32.
int32_t BitsFor(int64_t terms, int64_t factor, int32_t most) {
  while (most > 1 && ((terms * factor) << most) > (int64_t{1} << 31)) --most;
  return most;
}

template <typename Mantissa>
void CompareInputGrads(const ConvGeometry& g, uint32_t seed) {
  constexpr int32_t kMaxBits = sizeof(Mantissa) == 1 ? 7 : 15;
  Fill fill(seed);
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t accumulator_bits =
      BitsFor(int64_t{taps} * g.output_channels, 127, fill.Between(1, 15));
  const int32_t elements = Elements(g.input_height, g.input_width, g.input_channels);
  // Bounds that are right, too small and far too large: shifts of every kind.
  const int32_t bounds[] = {127 * taps * g.output_channels, 0, 1, 40, INT32_MAX};
  const int32_t lows[] = {-1000, -129, -128, -127, 0, 126, 127};
  const int32_t highs[] = {1000, 128, 127, 126, 0, -127, -128};
  const ConvInputGradOptions options = {
      1,
      g,
      accumulator_bits,
      fill.Between(1, kMaxBits),
      bounds[fill.Between(0, 4)],
      lows[fill.Between(0, 6)],
      highs[fill.Between(0, 6)],
      0.25f,
      fill.Between(0, g.input_channels - 1)};
  const int32_t max_abs = (1 << fill.Between(1, kMaxBits)) - 1;
  const auto gradient = fill.Mantissas<Mantissa>(OutputMantissas(g), max_abs);
  const auto multiplier = fill.Vector<int16_t>(g.output_channels, 0, 32767);
  const int32_t trained = options.split == 0 ? g.input_channels : options.split;
  const auto filter = fill.Vector<int8_t>(g.output_channels * taps * trained, -127, 127);
  const auto frozen = fill.Vector<int8_t>(
      g.output_channels * taps * (g.input_channels - trained), -127, 127);
  const auto saved = fill.Vector<int8_t>(elements, -128, 127);
  const auto bits = fill.Vector<uint8_t>(MaskBytes(elements), 0, 255);
  ActivationMask mask = {nullptr, options.mask_min, options.mask_max};
  const int32_t kind = fill.Between(0, 2);
  if (kind == 1) mask.values = saved.data();
  if (kind == 2) mask.bits = bits.data();

  const auto run = [&](decltype(Conv2DInputGrad) kernel, std::vector<Mantissa>* result) {
    return kernel(options, gradient.data(), {3.0f, max_abs},
                  {filter.data(), frozen.data(), options.split, g.input_channels},
                  seed % 3 == 0 ? nullptr : multiplier.data(), mask, result->data());
  };
  std::vector<Mantissa> expected(static_cast<size_t>(elements));
  std::vector<Mantissa> result(static_cast<size_t>(elements));
  const GradientScale expected_scale = run(Conv2DInputGrad, &expected);
  const GradientScale scale = run(Conv2DInputGradDsp, &result);
  ASSERT_EQ(result, expected);
  ASSERT_EQ(scale.sigma, expected_scale.sigma);
  ASSERT_EQ(scale.max_abs, expected_scale.max_abs);
}

template <typename Mantissa>
void CompareFilterUpdates(const ConvGeometry& g, uint32_t seed) {
  constexpr int32_t kMaxBits = sizeof(Mantissa) == 1 ? 7 : 15;
  Fill fill(seed);
  const int32_t positions = g.output_height * g.output_width;
  const int32_t max_abs = (1 << BitsFor(positions, 255, kMaxBits)) - 1;
  const int32_t channels = fill.Between(1, g.input_channels);
  const int32_t zero_point = fill.Between(0, 1) == 0 ? -128 : fill.Between(-127, 127);
  ConvFilterUpdateOptions options = {3, g, zero_point, channels, 1, 0, 0};
  if (fill.Between(0, 1) == 0) options.clamp = fill.Between(1, 127);
  if (fill.Between(0, 1) == 0) options.stored_channels = channels + fill.Between(0, 2);
  if (fill.Between(0, 1) == 0) options.filter_channels = channels + fill.Between(0, 2);
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.input_channels : options.filter_channels;
  const auto input = fill.Vector<int8_t>(
      Elements(g.input_height, g.input_width, options.InputStride()),
      fill.Between(0, 3) == 0 ? 120 : -128, 127);
  const auto gradient = fill.Mantissas<Mantissa>(OutputMantissas(g), max_abs);
  // Factors 2^-70 to 2^10: weights that rest, weights that are rounded, weights that jump.
  std::vector<float> update_scale(static_cast<size_t>(g.output_channels));
  for (float& factor : update_scale) {
    factor = PowerOfTwo(fill.Between(0, 5) == 0 ? fill.Between(-70, 10)
                                                : fill.Between(-35, -10));
    factor *= 1.0f + 0.125f * static_cast<float>(fill.Between(0, 7));
  }
  // Weights, then fractions, which are used or left alone.
  const int32_t weights =
      Elements(g.output_channels, g.filter_height, g.filter_width, filter_channels);
  const auto filter = fill.Vector<int8_t>(2 * weights, -128, 127);
  const bool has_fractions = fill.Between(0, 3) == 0;
  const auto state = static_cast<uint32_t>(fill.Between(1, INT32_MAX - 1));

  const auto run = [&](decltype(Conv2DFilterUpdate) kernel, std::vector<int8_t>* result) {
    Random random(state);
    kernel(options, input.data(), gradient.data(), {0.5f, max_abs},
           {2.0f, update_scale.data(), true},
           {result->data(), has_fractions ? result->data() + weights : nullptr}, &random);
    return random.state();
  };
  std::vector<int8_t> expected = filter;
  std::vector<int8_t> result = filter;
  const uint32_t expected_state = run(Conv2DFilterUpdate, &expected);
  const uint32_t result_state = run(Conv2DFilterUpdateDsp, &result);
  ASSERT_EQ(result, expected);
  ASSERT_EQ(result_state, expected_state);
}

TEST(RandomJump, IsSoManyDraws) {
  for (const int32_t draws : {0, 1, 63, 64, 65, 1000, 123457}) {
    const RandomJump jump(draws);
    for (const uint32_t state : {1u, 0x80000000u, 0xFFFFFFFFu, 12345u}) {
      Random random(state);
      for (int32_t i = 0; i < draws; ++i) random.Next();
      EXPECT_EQ(jump(state), random.state()) << draws << " draws from " << state;
    }
  }
}

constexpr uint32_t kSeeds = 40;

TEST(Conv2DInputGradDsp, IsTheReference) {
  for (const Layer& layer : kLayers) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      SCOPED_TRACE(layer.name + std::string(", seed ") + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(CompareInputGrads<int16_t>(layer.geometry, seed));
      ASSERT_NO_FATAL_FAILURE(CompareInputGrads<int8_t>(layer.geometry, seed));
    }
  }
}

TEST(Conv2DFilterUpdateDsp, IsTheReference) {
  for (const Layer& layer : kLayers) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      SCOPED_TRACE(layer.name + std::string(", seed ") + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(CompareFilterUpdates<int16_t>(layer.geometry, seed));
      ASSERT_NO_FATAL_FAILURE(CompareFilterUpdates<int8_t>(layer.geometry, seed));
    }
  }
}

}  // namespace
}  // namespace tflm_training
