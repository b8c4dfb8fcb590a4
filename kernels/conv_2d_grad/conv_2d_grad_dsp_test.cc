// The kernels for the DSP extension, its instructions emulated, against the reference: every
// bit, for layers of many shapes and random contents.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/core/random_jump.h"
#include "kernels/core/test_contents.h"

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

bool IsPointwise(const ConvGeometry& g) {
  return g.filter_height == 1 && g.filter_width == 1 && g.stride_height == 1 &&
         g.stride_width == 1 && g.input_height == g.output_height &&
         g.input_width == g.output_width;
}

// Bytes that the result of a pointwise layer begins below what it is made of, see
// converter/planning/sharing.py: eight pixels are read while the first of them is written.
size_t DistanceBelow(const ConvGeometry& g, int32_t written_bytes, int32_t read_bytes) {
  int32_t distance = 0;
  for (int32_t pixel = 0; pixel < g.input_height * g.input_width; ++pixel) {
    distance = std::max(distance, (pixel + 1) * g.input_channels * written_bytes -
                                      pixel / 8 * 8 * g.output_channels * read_bytes);
  }
  return static_cast<size_t>(distance);
}

template <typename Mantissa>
void CompareInputGrads(const ConvGeometry& g, uint32_t seed) {
  TestContents random(seed);
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t accumulator_bits =
      BitsFor(int64_t{taps} * g.output_channels, 127, random.Between(1, 15));
  const int32_t elements = Elements(g.input_height, g.input_width, g.input_channels);
  // Bounds that are right, too small and far too large: shifts of every kind.
  const int32_t bound = random.OneOf({127 * taps * g.output_channels, 0, 1, 40, INT32_MAX});
  const ActivationMask mask = random.Mask(elements);
  const ConvInputGradOptions options = {
      ConvInputGradOptions::kVersion,
      g,
      accumulator_bits,
      random.Between(1, kMaxBits<Mantissa>),
      bound,
      mask.low,
      mask.high,
      0.25f,
      random.Between(0, g.input_channels - 1)};
  const int32_t max_abs = (1 << random.Between(1, kMaxBits<Mantissa>)) - 1;
  const auto gradient = random.Mantissas<Mantissa>(OutputElements(g), max_abs);
  const auto multiplier = random.Vector<int16_t>(g.output_channels, 0, 32767);
  const int32_t trained = options.split == 0 ? g.input_channels : options.split;
  const auto filter = random.Vector<int8_t>(g.output_channels * taps * trained, -127, 127);
  const auto frozen = random.Vector<int8_t>(
      g.output_channels * taps * (g.input_channels - trained), -127, 127);

  const auto run = [&](decltype(Conv2DInputGrad) kernel, const Mantissa* read,
                       const ActivationMask& read_mask, Mantissa* written) {
    return kernel(options, read, {3.0f, max_abs},
                  {filter.data(), frozen.data(), options.split, g.input_channels},
                  seed % 3 == 0 ? nullptr : multiplier.data(), read_mask, written);
  };
  std::vector<Mantissa> expected(static_cast<size_t>(elements));
  std::vector<Mantissa> result(static_cast<size_t>(elements));
  const GradientScale expected_scale =
      run(Conv2DInputGrad, gradient.data(), mask, expected.data());
  const GradientScale scale = run(Conv2DInputGradDsp, gradient.data(), mask, result.data());
  ASSERT_EQ(result, expected);
  ASSERT_EQ(scale.sigma, expected_scale.sigma);
  ASSERT_EQ(scale.max_abs, expected_scale.max_abs);
  if (!IsPointwise(g)) return;

  // Below the gradient, as near as the memory plan may put it.
  const size_t gap = DistanceBelow(g, sizeof(Mantissa), sizeof(Mantissa)) / sizeof(Mantissa);
  std::vector<Mantissa> memory(std::max(gap + gradient.size(), result.size()));
  std::copy(gradient.begin(), gradient.end(), memory.begin() + static_cast<ptrdiff_t>(gap));
  run(Conv2DInputGradDsp, memory.data() + gap, mask, memory.data());
  memory.resize(expected.size());
  ASSERT_EQ(memory, expected);

  // Below the saved activation that is the mask.
  if (mask.values == nullptr) return;
  ConvGeometry same = g;
  same.output_channels = g.input_channels;
  const size_t above = DistanceBelow(same, sizeof(Mantissa), 1);
  std::vector<Mantissa> shared(result.size() + above / sizeof(Mantissa) + 1);
  int8_t* values = reinterpret_cast<int8_t*>(shared.data()) + above;
  memcpy(values, mask.values, result.size());
  run(Conv2DInputGradDsp, gradient.data(), {values, mask.low, mask.high}, shared.data());
  shared.resize(expected.size());
  ASSERT_EQ(shared, expected);
}

template <typename Mantissa>
void CompareFilterUpdates(const ConvGeometry& g, uint32_t seed) {
  TestContents random(seed);
  const int32_t positions = g.output_height * g.output_width;
  const int32_t max_abs = (1 << BitsFor(positions, 255, kMaxBits<Mantissa>)) - 1;
  const int32_t channels = random.Between(1, g.input_channels);
  const int32_t zero_point = random.Between(0, 1) == 0 ? -128 : random.Between(-127, 127);
  ConvFilterUpdateOptions options = {
      ConvFilterUpdateOptions::kVersion, g, zero_point, channels, 1, 0, 0};
  if (random.Between(0, 1) == 0) options.clamp = random.Between(1, 127);
  if (random.Between(0, 1) == 0) options.stored_channels = channels + random.Between(0, 2);
  if (random.Between(0, 1) == 0) options.filter_channels = channels + random.Between(0, 2);
  const int32_t filter_channels = options.FilterStride(g.input_channels);
  const auto input = random.Vector<int8_t>(
      Elements(g.input_height, g.input_width, options.InputStride()),
      random.Between(0, 3) == 0 ? 120 : -128, 127);
  const auto gradient = random.Mantissas<Mantissa>(OutputElements(g), max_abs);
  const std::vector<float> update_scale = random.UpdateScales(g.output_channels);
  // Weights, then fractions, which are used or left alone.
  const int32_t weights =
      Elements(g.output_channels, g.filter_height, g.filter_width, filter_channels);
  const auto filter = random.Vector<int8_t>(2 * weights, -128, 127);
  const bool has_fractions = random.Between(0, 3) == 0;
  const auto state = static_cast<uint32_t>(random.Between(1, INT32_MAX - 1));

  const auto run = [&](decltype(Conv2DFilterUpdate) kernel, std::vector<int8_t>* result) {
    Random draws(state);
    kernel(options, input.data(), gradient.data(), {0.5f, max_abs},
           {2.0f, update_scale.data(), true},
           {result->data(), has_fractions ? result->data() + weights : nullptr}, &draws);
    return draws.state();
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
