// TrainingDepthwiseConv2D for the Arm DSP extension; how it works: README.md.
#include "kernels/core/optimize_dsp.h"

#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/requantize_dsp.h"
#include "kernels/core/window_dsp.h"
#include "kernels/training_depthwise_conv_2d/training_depthwise_conv_2d.h"

namespace tflm_training {
namespace {

// What one call of the kernel works on.
struct Layer {
  const TrainingConvOptions& options;
  const int8_t* input;
  const Requantisation& requantisation;
  int8_t* output;
};

// For sums and products that may pass 32 bits, and are then of no use.
constexpr uint32_t Unsigned(int32_t value) { return static_cast<uint32_t>(value); }

// What is the same for every pixel of a group of channels, the first of which is `channel`.
struct Group {
  int32_t channel;
  bool shifts_right;  // all four do; then `shift` is the amount
  int32_t bias[kChannelGroup];
  struct {
    int32_t multiplier;
    int32_t shift;
  } scale[kChannelGroup];
  Tap taps[kMaxTaps];
};

TFLM_TRAINING_SMALL void LoadGroup(const Layer& layer, const FilterPart& part, int32_t channel,
                                   Group* group) {
  const ConvGeometry& g = layer.options.geometry;
  const Requantisation& r = layer.requantisation;
  group->channel = channel;
  group->shifts_right = true;
  for (int32_t c = 0; c < kChannelGroup; ++c) {
    const int32_t entry = r.per_channel ? channel + c : 0;
    const int32_t shift = -r.shift[entry];
    group->scale[c] = {r.multiplier[entry], shift};
    if (shift <= 0) group->shifts_right = false;
    group->bias[c] = r.bias == nullptr ? 0 : r.bias[channel + c];
  }
  const int8_t* weights = part.weights + (channel - part.begin);
  // Offsets of taps that are outside of every map may pass 32 bits.
  const uint32_t step = Unsigned(g.dilation_width) * Unsigned(g.input_channels);
  const uint32_t row_step =
      Unsigned(g.dilation_height) * Unsigned(g.input_width) * Unsigned(g.input_channels);
  Tap* tap = group->taps;
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    uint32_t offset = Unsigned(ky) * row_step;
    for (int32_t kx = 0; kx < g.filter_width; ++kx, ++tap) {
      const uint32_t word = LoadWord(weights);
      *tap = {offset, Sxtb16(word), Sxtb16Ror8(word)};
      weights += part.channels();
      offset += step;
    }
  }
}

TFLM_TRAINING_INLINE void AddTap(const Tap* tap, uintptr_t pixel, uint32_t zero_point,
                                 GroupSums& acc) {
  const uint32_t word =
      LoadWord(reinterpret_cast<const int8_t*>(pixel + tap->offset));
  const uint32_t even = Sxtab16(zero_point, word);
  const uint32_t odd = Sxtab16Ror8(zero_point, word);
  acc.a = Smlabb(even, tap->even, acc.a);
  acc.b = Smlabb(odd, tap->odd, acc.b);
  acc.c = Smlatt(even, tap->even, acc.c);
  acc.d = Smlatt(odd, tap->odd, acc.d);
}

// The taps [tap, end), three of them at a time below `last3`, behind which there are two or less.
TFLM_TRAINING_INLINE void AddTaps(const Tap* tap, const Tap* last3, const Tap* end, uintptr_t pixel,
                           uint32_t zero_point, GroupSums& acc) {
  for (; tap < last3; tap += 3) {
    AddTap(tap, pixel, zero_point, acc);
    KeepOrder();
    AddTap(tap + 1, pixel, zero_point, acc);
    KeepOrder();
    AddTap(tap + 2, pixel, zero_point, acc);
    KeepOrder();
  }
  for (; tap != end; ++tap) AddTap(tap, pixel, zero_point, acc);
}

template <int kChannel>
TFLM_TRAINING_INLINE int32_t Right(const Group& group, int32_t value, int32_t zero_point) {
  const auto& scale = group.scale[kChannel];
  return RequantizeRight(value, scale.multiplier, -scale.shift, zero_point);
}

// Store() where a channel does not shift right, which is rare.
TFLM_TRAINING_SMALL void StoreAny(const Group& group, const TrainingConvOptions& options,
                                  const int32_t* sums, int8_t* output) {
  for (int32_t c = 0; c < kChannelGroup; ++c) {
    output[c] = Requantize(options, sums[c], group.scale[c].multiplier, -group.scale[c].shift);
  }
}

TFLM_TRAINING_INLINE void Store(const Group& group, const TrainingConvOptions& options,
                                int32_t zero_point, bool clamps, GroupSums acc, int8_t* output) {
  if (!group.shifts_right) {
    const int32_t sums[] = {acc.a, acc.b, acc.c, acc.d};
    StoreAny(group, options, sums, output);
    return;
  }
  acc.a = Right<0>(group, acc.a, zero_point);
  acc.b = Right<1>(group, acc.b, zero_point);
  acc.c = Right<2>(group, acc.c, zero_point);
  acc.d = Right<3>(group, acc.d, zero_point);
  if (clamps) {
    const int32_t low = options.activation_min;
    const int32_t high = options.activation_max;
    acc.a = Clamp(acc.a, low, high);
    acc.b = Clamp(acc.b, low, high);
    acc.c = Clamp(acc.c, low, high);
    acc.d = Clamp(acc.d, low, high);
  }
  output[0] = static_cast<int8_t>(acc.a);
  output[1] = static_cast<int8_t>(acc.b);
  output[2] = static_cast<int8_t>(acc.c);
  output[3] = static_cast<int8_t>(acc.d);
}

// The rows [begin, end) of four channels.
TFLM_TRAINING_HOT void ConvolveRows(const Layer& layer, const Group& group, int32_t begin,
                                    int32_t end_row) {
  const TrainingConvOptions& options = layer.options;
  const ConvGeometry& g = options.geometry;
  const int32_t zero_point = options.output_zero_point;
  const bool clamps = Clamps(options);
  const uint32_t offset = BothHalves(-options.input_zero_point);
  // Where 0 <= left < whole, all columns of the window lie inside the map.
  const int32_t whole = Max(0, g.input_width - (g.filter_width - 1) * g.dilation_width);
  // Addresses: where a window begins may be far outside of the map.
  const auto channels = static_cast<uintptr_t>(g.input_channels);
  const uintptr_t step = static_cast<uintptr_t>(g.stride_width) * channels;
  int8_t* output = layer.output + begin * g.output_width * g.output_channels + group.channel;
  for (int32_t oy = begin; oy < end_row; ++oy) {
    const int32_t top = oy * g.stride_height - g.padding_top;
    const Range rows = TapsInside(top, g.input_height, g.filter_height, g.dilation_height);
    const Tap* const first = group.taps + rows.begin * g.filter_width;
    const int32_t taps = (rows.end - rows.begin) * g.filter_width;
    const Tap* const end = first + taps;
    const Tap* const last3 = taps > 2 ? end - 2 : first;
    int32_t left = -g.padding_left;
    uintptr_t pixel = static_cast<uintptr_t>(top) * static_cast<uintptr_t>(g.input_width);
    pixel = (pixel + static_cast<uintptr_t>(left)) * channels +
            reinterpret_cast<uintptr_t>(layer.input + group.channel);
    const int8_t* const output_end = output + g.output_width * g.output_channels;
    while (output != output_end) {
      GroupSums acc = {group.bias[0], group.bias[1], group.bias[2], group.bias[3]};
      if (static_cast<uint32_t>(left) < static_cast<uint32_t>(whole)) {
        AddTaps(first, last3, end, pixel, offset, acc);
      } else {
        const Range columns = TapsInside(left, g.input_width, g.filter_width, g.dilation_width);
        for (const Tap* row = first; row != end; row += g.filter_width) {
          const Tap* const last = row + columns.end;
          for (const Tap* tap = row + columns.begin; tap != last; ++tap) {
            AddTap(tap, pixel, offset, acc);
          }
        }
      }
      Store(group, options, zero_point, clamps, acc, output);
      output += g.output_channels;
      pixel += step;
      left += g.stride_width;
    }
  }
}

// Row `oy` of one channel, whatever the filter and the depth multiplier.
TFLM_TRAINING_SMALL void ConvolveChannelRow(const Layer& layer, const FilterPart& part,
                                            int32_t channel, int32_t oy) {
  const TrainingConvOptions& options = layer.options;
  const ConvGeometry& g = options.geometry;
  const int8_t* const input = layer.input + channel / (g.output_channels / g.input_channels);
  const int32_t top = oy * g.stride_height - g.padding_top;
  const Range rows = TapsInside(top, g.input_height, g.filter_height, g.dilation_height);
  for (int32_t ox = 0; ox < g.output_width; ++ox) {
    const int32_t left = ox * g.stride_width - g.padding_left;
    const Range columns = TapsInside(left, g.input_width, g.filter_width, g.dilation_width);
    int32_t acc = 0;
    for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
      const int32_t iy = top + ky * g.dilation_height;
      int32_t ix = left + columns.begin * g.dilation_width;
      const int8_t* weight = part.weights + (channel - part.begin) +
                             (ky * g.filter_width + columns.begin) * part.channels();
      for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
        const int8_t value = input[(iy * g.input_width + ix) * g.input_channels];
        acc += (value - options.input_zero_point) * *weight;
        weight += part.channels();
        ix += g.dilation_width;
      }
    }
    layer.output[(oy * g.output_width + ox) * g.output_channels + channel] =
        layer.requantisation.Output(options, acc, channel);
  }
}

// The rows [begin, end) of the channels of one part. The last group may overlap the one before.
TFLM_TRAINING_SMALL void ConvolvePart(const Layer& layer, const FilterPart& part, int32_t begin,
                                      int32_t end) {
  const ConvGeometry& g = layer.options.geometry;
  if (g.output_channels != g.input_channels || part.channels() < kChannelGroup ||
      g.filter_height * g.filter_width > kMaxTaps) {
    for (int32_t oy = begin; oy < end; ++oy) {
      for (int32_t c = part.begin; c < part.end; ++c) ConvolveChannelRow(layer, part, c, oy);
    }
    return;
  }
  Group group;
  for (int32_t c = part.begin; c < part.end; c += kChannelGroup) {
    LoadGroup(layer, part, Min(c, part.end - kChannelGroup), &group);
    ConvolveRows(layer, group, begin, end);
  }
}

// How many rows from `oy` on can be written while all inputs that they need are still there.
int32_t RowsFrom(const Layer& layer, int32_t oy) {
  const ConvGeometry& g = layer.options.geometry;
  const int32_t row = g.output_width * g.output_channels;
  const int32_t input_row = g.input_width * g.input_channels;
  const int32_t rows = g.output_height - oy;
  if (!Overlaps(layer.input, g.input_height * input_row, layer.output, g.output_height * row)) {
    return rows;
  }
  const int32_t top = Clamp(oy * g.stride_height - g.padding_top, 0, g.input_height);
  const auto room = static_cast<int32_t>(layer.input + top * input_row - layer.output);
  return Min(rows, Max(room / row - oy, 1));
}

}  // namespace

TFLM_TRAINING_SMALL
void TrainingDepthwiseConv2D(const TrainingConvOptions& options, const int8_t* input,
                             const SplitFilter& filter, const Requantisation& requantisation,
                             int8_t* output) {
  const ConvGeometry& g = options.geometry;
  const Layer layer = {options, input, requantisation, output};
  for (int32_t oy = 0, end = 0; oy < g.output_height; oy = end) {
    end = oy + RowsFrom(layer, oy);
    for (const FilterPart& part : filter) ConvolvePart(layer, part, oy, end);
  }
}

}  // namespace tflm_training

#endif
