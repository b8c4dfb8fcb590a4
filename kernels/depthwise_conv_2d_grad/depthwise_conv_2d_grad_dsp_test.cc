// The kernels for the DSP extension, its instructions emulated, against the reference: every bit,
// for random layers.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/core/test_contents.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"

namespace tflm_training {

// depthwise_conv_2d_grad_dsp.cc under other names, see bazel/kernel.bzl.
decltype(DepthwiseConv2DInputGrad) DepthwiseConv2DInputGradDsp;
decltype(DepthwiseConv2DFilterUpdate) DepthwiseConv2DFilterUpdateDsp;

namespace {

struct Result {
  std::vector<uint8_t> mantissas;
  GradientScale scale;

  bool operator==(const Result& other) const {
    return mantissas == other.mantissas && scale.sigma == other.scale.sigma &&
           scale.max_abs == other.scale.max_abs;
  }
};

// A copy that ends where memory does: what reads past it is a fault.
template <typename T>
class GuardedCopy {
 public:
  explicit GuardedCopy(const std::vector<T>& values) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t size = values.size() * sizeof(T);
    const size_t usable = (size + page - 1) / page * page;
    bytes_ = usable + page;
    memory_ = static_cast<char*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + usable, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(memory_ + usable - size);
    std::copy(values.begin(), values.end(), data_);
  }
  GuardedCopy(const GuardedCopy&) = delete;
  GuardedCopy& operator=(const GuardedCopy&) = delete;
  ~GuardedCopy() { munmap(memory_, bytes_); }

  const T* data() const { return data_; }

 private:
  char* memory_;
  size_t bytes_;
  T* data_;
};

template <typename Mantissa>
void CompareInputGrads(const ConvGeometry& g, TestContents& random) {
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t inputs = Elements(g.input_height, g.input_width, g.input_channels);
  const ActivationMask mask = random.Mask(inputs);
  // Bounds that hold, and others: shifts of every kind, mantissas that saturate.
  const int32_t bound = random.OneOf({127 * taps, 60 * taps, 0, 1, 40, INT32_MAX});
  const int32_t split = random.Between(0, 2) == 0 ? random.Between(0, g.output_channels - 1) : 0;
  const ConvInputGradOptions options = {
      2, g, 15, random.Between(1, kMaxBits<Mantissa>), bound, mask.low, mask.high, 0.25f, split};
  const int32_t max_abs = (1 << random.Between(1, BitsFor(taps, 128, kMaxBits<Mantissa>))) - 1;
  const auto gradient = random.Mantissas<Mantissa>(OutputElements(g), max_abs);
  const GuardedCopy<Mantissa> guarded(gradient);
  const auto multiplier = random.Vector<int16_t>(g.output_channels, 0, 32767);
  const bool has_multiplier = random.Between(0, 3) != 0;
  const int32_t trained = split == 0 ? g.output_channels : split;
  const GuardedCopy<int8_t> filter(random.Vector<int8_t>(taps * trained, -128, 127));
  const GuardedCopy<int8_t> frozen(
      random.Vector<int8_t>(taps * (g.output_channels - trained), -128, 127));

  const auto run = [&](decltype(DepthwiseConv2DInputGrad) kernel, const Mantissa* read,
                       const ActivationMask& read_mask, Mantissa* written) {
    Result result;
    result.scale = kernel(options, read, {3.0f, max_abs},
                          {filter.data(), frozen.data(), split, g.output_channels},
                          has_multiplier ? multiplier.data() : nullptr, read_mask, written);
    result.mantissas.resize(static_cast<size_t>(inputs) * sizeof(Mantissa));
    memcpy(result.mantissas.data(), written, result.mantissas.size());
    return result;
  };
  std::vector<Mantissa> written(static_cast<size_t>(inputs));
  const Result expected = run(DepthwiseConv2DInputGrad, gradient.data(), mask, written.data());
  std::fill(written.begin(), written.end(), Mantissa{-1});
  ASSERT_TRUE(run(DepthwiseConv2DInputGradDsp, guarded.data(), mask, written.data()) == expected);

  // Below the gradient, as far as the memory plan may put it: see converter/planning/sharing.py.
  const int32_t reach = (g.filter_height - 1) * g.dilation_height - g.padding_top;
  int32_t distance = 0;
  for (int32_t y = 0; y < g.input_height; ++y) {
    int32_t first = y - reach;
    first = first <= 0 ? 0 : (first + g.stride_height - 1) / g.stride_height;
    if (first >= g.output_height) continue;
    distance = std::max(distance, (y + 1) * g.input_width * g.input_channels -
                                      first * g.output_width * g.output_channels);
  }
  // Or further: as many rows as then have room are written at a time.
  const int32_t row = g.input_width * g.input_channels;
  distance += random.OneOf({0, 0, 1, row, 2 * row, inputs / 2});
  std::vector<Mantissa> memory(std::max(static_cast<size_t>(distance) + gradient.size(),
                                        static_cast<size_t>(inputs)));
  std::copy(gradient.begin(), gradient.end(), memory.begin() + distance);
  ASSERT_TRUE(run(DepthwiseConv2DInputGradDsp, memory.data() + distance, mask, memory.data()) ==
              expected);

  // Below the saved activation that is the mask.
  if (mask.values == nullptr) return;
  const size_t above = static_cast<size_t>(inputs) * (sizeof(Mantissa) - 1) +
                       static_cast<size_t>(row * random.OneOf({1, 1, 2, 3}));
  std::vector<Mantissa> shared(static_cast<size_t>(inputs) + (above / sizeof(Mantissa)) + 1);
  int8_t* values = reinterpret_cast<int8_t*>(shared.data()) + above;
  memcpy(values, mask.values, static_cast<size_t>(inputs));
  ASSERT_TRUE(run(DepthwiseConv2DInputGradDsp, gradient.data(),
                  {values, mask.low, mask.high}, shared.data()) == expected);
}

template <typename Mantissa>
void CompareFilterUpdates(const ConvGeometry& g, TestContents& random) {
  const int32_t positions = g.output_height * g.output_width;
  const int32_t max_abs = (1 << BitsFor(positions, 255, kMaxBits<Mantissa>)) - 1;
  const int32_t channels = random.Between(1, g.output_channels);
  const int32_t multiplier = g.output_channels / g.input_channels;
  ConvFilterUpdateOptions options = {2, g, random.Between(-128, 127), channels,
                                     random.OneOf({1, 2, 127}), 0, 0};
  if (random.Between(0, 1) == 0) {
    options.stored_channels = (channels - 1) / multiplier + 1 + random.Between(0, 2);
  }
  if (random.Between(0, 1) == 0) options.filter_channels = channels + random.Between(0, 2);
  const int32_t filter_channels = options.FilterStride(g.output_channels);
  const GuardedCopy<int8_t> input(random.Vector<int8_t>(
      Elements(g.input_height, g.input_width, options.InputStride()),
      random.Between(0, 3) == 0 ? 120 : -128, 127));
  const GuardedCopy<Mantissa> gradient(random.Mantissas<Mantissa>(OutputElements(g), max_abs));
  const bool per_channel = random.Between(0, 3) != 0;
  const std::vector<float> update_scale = random.UpdateScales(g.output_channels);
  const auto filter = random.Vector<int8_t>(
      Elements(g.filter_height, g.filter_width, filter_channels), -128, 127);
  const auto fractions = random.Vector<int8_t>(static_cast<int32_t>(filter.size()), -128, 127);
  const bool has_fractions = random.Between(0, 2) == 0;
  const auto state = static_cast<uint32_t>(random.Between(1, INT32_MAX));

  const auto run = [&](decltype(DepthwiseConv2DFilterUpdate) kernel) {
    std::vector<int8_t> values = filter;
    std::vector<int8_t> rests = fractions;
    Random draws(state);
    kernel(options, input.data(), gradient.data(), {0.5f, max_abs},
           {2.0f, update_scale.data(), per_channel},
           {values.data(), has_fractions ? rests.data() : nullptr}, &draws);
    values.insert(values.end(), rests.begin(), rests.end());
    return std::make_pair(values, draws.state());
  };
  ASSERT_EQ(run(DepthwiseConv2DFilterUpdateDsp), run(DepthwiseConv2DFilterUpdate));
}

template <typename Compare>
void ForRandomLayers(Compare compare) {
  for (uint32_t seed = 0; seed < 2500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestContents random(seed);
    const int32_t multiplier = random.OneOf({1, 1, 1, 1, 3});
    const ConvGeometry g = random.Geometry(random.OneOf({5, 21}), multiplier);
    ASSERT_NO_FATAL_FAILURE(compare(g, random));
  }
}

TEST(DepthwiseConv2DInputGradDsp, IsTheReference) {
  ForRandomLayers(CompareInputGrads<int16_t>);
  ForRandomLayers(CompareInputGrads<int8_t>);
}

TEST(DepthwiseConv2DFilterUpdateDsp, IsTheReference) {
  ForRandomLayers(CompareFilterUpdates<int16_t>);
  ForRandomLayers(CompareFilterUpdates<int8_t>);
}

// input height, width, channels; filter height, width; output height, width, channels; strides;
// dilations; paddings.
const ConvGeometry kLayers[] = {
    {8, 8, 24, 3, 3, 8, 8, 24, 1, 1, 1, 1, 1, 1},
    {17, 17, 12, 3, 3, 8, 8, 12, 2, 2, 1, 1, 0, 0},
    {13, 13, 20, 7, 7, 4, 4, 20, 2, 2, 1, 1, 0, 0},
    {4, 4, 32, 5, 5, 4, 4, 32, 1, 1, 1, 1, 2, 2},
    {4, 4, 32, 3, 3, 4, 4, 32, 1, 1, 1, 1, 1, 1},     // small maps
    {3, 3, 12, 3, 3, 3, 3, 12, 1, 1, 1, 1, 1, 1},
    {4, 11, 16, 3, 3, 4, 11, 16, 1, 1, 1, 1, 1, 1},   // small in its last tile
    {5, 4, 16, 3, 3, 4, 6, 16, 1, 1, 1, 1, 1, 2},     // more rows than outputs
    {4, 4, 16, 3, 3, 5, 4, 16, 1, 1, 1, 1, 1, 1},     // more outputs than rows
    {25, 5, 16, 3, 3, 25, 5, 16, 1, 1, 1, 1, 1, 1},
    {12, 11, 8, 9, 9, 12, 11, 8, 1, 1, 1, 1, 4, 4},  // more taps than the fast path takes
    {3, 70, 8, 3, 3, 3, 70, 8, 1, 1, 1, 1, 1, 1},
    {20, 20, 24, 7, 3, 5, 18, 24, 3, 1, 1, 1, 0, 0},  // several tiles, the last one narrow
    {8, 9, 16, 8, 1, 7, 5, 16, 2, 2, 1, 1, 7, 1},     // columns that no tap reaches
    {28, 3, 8, 2, 1, 9, 3, 8, 3, 1, 1, 1, 0, 0},      // a tile of rows that no tap reaches
    {28, 3, 20, 2, 1, 9, 3, 20, 3, 1, 1, 1, 0, 0},
    {9, 9, 16, 7, 9, 9, 9, 16, 1, 1, 1, 1, 3, 4},     // as many taps as the fast path takes
    {9, 9, 16, 8, 8, 9, 9, 16, 1, 1, 1, 1, 4, 4},
    {7, 7, 16, 3, 3, 7, 7, 16, 1, 1, 1, 1, 1, 1},     // a last row that is no pair, odd columns
    {8, 8, 16, 7, 7, 4, 4, 16, 2, 2, 1, 1, 2, 2},
    {26, 25, 8, 3, 3, 13, 13, 8, 2, 2, 1, 1, 0, 1},   // several tiles of several phases
    {12, 12, 16, 3, 3, 6, 6, 16, 2, 2, 1, 1, 0, 0},   // all phases together
    {38, 9, 12, 3, 3, 18, 4, 12, 2, 2, 1, 1, 0, 0},
    {6, 7, 8, 3, 3, 3, 4, 8, 2, 2, 1, 1, 0, 0},
    {13, 12, 8, 3, 3, 7, 6, 8, 2, 2, 1, 1, 1, 0},     // not with a padding
    {26, 29, 8, 5, 5, 26, 29, 8, 1, 1, 1, 1, 2, 2},
};

TEST(DepthwiseConv2DGradDsp, IsTheReferenceForLayersOfModels) {
  for (const ConvGeometry& layer : kLayers) {
    for (uint32_t seed = 0; seed < 25; ++seed) {
      TestContents random(seed);
      ASSERT_NO_FATAL_FAILURE(CompareInputGrads<int16_t>(layer, random));
      ASSERT_NO_FATAL_FAILURE(CompareInputGrads<int8_t>(layer, random));
      ASSERT_NO_FATAL_FAILURE(CompareFilterUpdates<int16_t>(layer, random));
      ASSERT_NO_FATAL_FAILURE(CompareFilterUpdates<int8_t>(layer, random));
    }
  }
}

}  // namespace
}  // namespace tflm_training
