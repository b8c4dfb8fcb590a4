// The depthwise gradients for the Arm DSP extension; how they work: README.md.
#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/core/weight_update.h"
#include "kernels/core/window_dsp.h"
#include "kernels/depthwise_conv_2d_grad/depthwise_conv_2d_grad.h"
#include "kernels/depthwise_conv_2d_grad/phases_dsp.h"
#include "kernels/depthwise_conv_2d_grad/position_sums_dsp.h"
#include "kernels/depthwise_conv_2d_grad/reference.h"

namespace tflm_training {
namespace {

// What one call of the kernel works on.
struct Layer {
  const ConvInputGradOptions& options;
  const int16_t* multiplier;
  Phases rows;
  Phases columns;
  QuadMask mask;
  int shift;
  int bits;

  // (acc * mu) / 2^(15 + shift), rounded half up, is SMMULR(acc, mu * 2^(17 - shift)).
  bool ScalesFast() const { return shift >= 2 && shift <= 17; }
};

constexpr int32_t kNoMultiplier = 32768;

// What is the same for every pixel of a group of channels, the first of which is `channel`.
struct Group {
  int32_t channel;
  int32_t multiplier[kChannelGroup];
  int32_t scale[kChannelGroup];  // of SMMULR
  // By phase of the row, phase of the column, tap of the row and tap of the column.
  Tap taps[kMaxTaps];
};

TFLM_TRAINING_NOINLINE void LoadGroup(const Layer& layer, const FilterPart& part,
                                      int32_t channel, int32_t mantissa_bytes, Group* group) {
  const ConvGeometry& g = layer.options.geometry;
  group->channel = channel;
  for (int32_t c = 0; c < kChannelGroup; ++c) {
    const int32_t mu = layer.multiplier == nullptr ? kNoMultiplier : layer.multiplier[channel + c];
    group->multiplier[c] = mu;
    group->scale[c] = layer.ScalesFast() ? mu << (17 - layer.shift) : 1 << 16;
  }
  const int8_t* weights = part.weights + (channel - part.begin);
  Tap* tap = group->taps;
  for (int32_t phase_y = 0; phase_y < g.stride_height; ++phase_y) {
    const Range rows = layer.rows.TapsOf(phase_y);
    for (int32_t phase_x = 0; phase_x < g.stride_width; ++phase_x) {
      const Range columns = layer.columns.TapsOf(phase_x);
      for (int32_t r = rows.begin; r < rows.end; ++r) {
        for (int32_t k = columns.begin; k < columns.end; ++k, ++tap) {
          const int32_t index = layer.rows.tap(r) * g.filter_width + layer.columns.tap(k);
          const int32_t distance =
              layer.rows.distance(r) * g.output_width + layer.columns.distance(k);
          const uint32_t word = LoadWord(weights + index * part.channels());
          *tap = {-distance * g.output_channels * mantissa_bytes, Sxtb16(word),
                  Sxtb16Ror8(word)};
        }
      }
    }
  }
}

// The address of the first tap of a pixel; next_ is 4 bytes on, which a compiler must not know:
// it would add instead of keeping it.
struct Pixel {
  uintptr_t address;
  uintptr_t next;

  explicit Pixel(uintptr_t first) : address(first), next(first + 4) {
    __asm__("" : "+r"(next));
  }
  void Advance(uintptr_t step) {
    address += step;
    next += step;
  }
};

TFLM_TRAINING_INLINE uint32_t LoadAt(uintptr_t base, int32_t offset) {
  return LoadWord(reinterpret_cast<const void*>(base + static_cast<uintptr_t>(offset)));
}

TFLM_TRAINING_INLINE void AddTap(const Tap* tap, const Pixel& pixel, const int16_t*,
                                 GroupSums& acc) {
  const uint32_t low = LoadAt(pixel.address, tap->offset);
  const uint32_t high = LoadAt(pixel.next, tap->offset);
  acc.a = Smlabb(low, tap->even, acc.a);
  acc.b = Smlatb(low, tap->odd, acc.b);
  acc.c = Smlabt(high, tap->even, acc.c);
  acc.d = Smlatt(high, tap->odd, acc.d);
}

TFLM_TRAINING_INLINE void AddTap(const Tap* tap, const Pixel& pixel, const int8_t*,
                                 GroupSums& acc) {
  const uint32_t word = LoadAt(pixel.address, tap->offset);
  const uint32_t even = Sxtb16(word);
  const uint32_t odd = Sxtb16Ror8(word);
  acc.a = Smlabb(even, tap->even, acc.a);
  acc.b = Smlabb(odd, tap->odd, acc.b);
  acc.c = Smlatt(even, tap->even, acc.c);
  acc.d = Smlatt(odd, tap->odd, acc.d);
}

// Where SMMULR cannot scale four sums: what it then makes the result of.
TFLM_TRAINING_NOINLINE GroupSums ScaleExactly(const Layer& layer, const Group& group,
                                              GroupSums acc) {
  int32_t sums[] = {acc.a, acc.b, acc.c, acc.d};
  for (int32_t c = 0; c < kChannelGroup; ++c) {
    const int64_t total = static_cast<int64_t>(sums[c]) * group.multiplier[c];
    sums[c] = Saturate(RoundingShift(total, 15 + layer.shift), layer.bits) * (1 << 16);
  }
  return {sums[0], sums[1], sums[2], sums[3]};
}

// The pixels of row y whose columns are of one phase, four channels of each.
template <typename Mantissa>
TFLM_TRAINING_NOINLINE void WritePhase(const Layer& layer, const Group& group,
                                       const Mantissa* gradient, int32_t y, int32_t phase,
                                       Mantissa* result, QuadRange* all_mantissas) {
  const ConvGeometry& g = layer.options.geometry;
  const QuadMask mask = layer.mask;
  QuadRange mantissas = *all_mantissas;
  const bool scales_fast = layer.ScalesFast();
  const int32_t v = y + g.padding_top;
  const int32_t uy = v / g.stride_height;
  const Range all_rows = layer.rows.TapsOf(v - uy * g.stride_height);
  const Range rows = layer.rows.Inside(all_rows, uy, g.output_height);
  const Range columns = layer.columns.TapsOf(phase);
  const int32_t width = columns.end - columns.begin;
  const Tap* const first = group.taps + all_rows.begin * g.filter_width +
                           (all_rows.end - all_rows.begin) * columns.begin +
                           (rows.begin - all_rows.begin) * width;
  const int32_t count = (rows.end - rows.begin) * width;
  const Tap* const end = first + count;
  const Tap* const end3 = first + count / 3 * 3;
  // The first pixel of the phase, and how many there are.
  int32_t ux = Max((g.padding_left - phase + g.stride_width - 1) / g.stride_width, 0);
  const int32_t x = ux * g.stride_width + phase - g.padding_left;
  int32_t pixels = x < g.input_width ? (g.input_width - 1 - x) / g.stride_width + 1 : 0;
  // From first_whole on all columns of the window are inside for `whole` pixels.
  const int32_t first_whole = width == 0 ? ux : layer.columns.distance(columns.end - 1);
  const auto whole = static_cast<uint32_t>(
      width == 0 ? pixels
                 : Max(layer.columns.distance(columns.begin) + g.output_width - first_whole, 0));
  int32_t index = (y * g.input_width + x) * g.input_channels + group.channel;
  const int32_t index_step = g.stride_width * g.input_channels;
  const int32_t output = (uy * g.output_width + ux) * g.output_channels + group.channel;
  Pixel pixel(reinterpret_cast<uintptr_t>(gradient) +
              static_cast<uintptr_t>(output) * sizeof(Mantissa));
  const auto step = static_cast<uintptr_t>(g.output_channels) * sizeof(Mantissa);
  for (ux -= first_whole; pixels > 0; --pixels, ++ux) {
    GroupSums acc = {0, 0, 0, 0};
    if (static_cast<uint32_t>(ux) < whole) {
      const Tap* tap = first;
      for (; tap != end3; tap += 3) {
        AddTap(tap, pixel, gradient, acc);
        KeepOrder();
        AddTap(tap + 1, pixel, gradient, acc);
        KeepOrder();
        AddTap(tap + 2, pixel, gradient, acc);
        KeepOrder();
      }
      for (; tap != end; ++tap) AddTap(tap, pixel, gradient, acc);
    } else {
      const Range inside = layer.columns.Inside(columns, ux + first_whole, g.output_width);
      for (const Tap* row = first + (inside.begin - columns.begin); row < end; row += width) {
        const Tap* const row_end = row + (inside.end - inside.begin);
        for (const Tap* tap = row; tap != row_end; ++tap) AddTap(tap, pixel, gradient, acc);
      }
    }
    if (!scales_fast) acc = ScaleExactly(layer, group, acc);
    const Quad quad = mask.Apply(
        index, SaturatedQuad(Smmulr(acc.a, group.scale[0]), Smmulr(acc.b, group.scale[1]),
                             Smmulr(acc.c, group.scale[2]), Smmulr(acc.d, group.scale[3]),
                             result));
    mantissas.Add(quad);
    StoreQuad(quad, result + index);
    pixel.Advance(step);
    index += index_step;
  }
  *all_mantissas = mantissas;
}

// The rows [begin, end) of the channels of one part. The last group may overlap the one before.
TFLM_TRAINING_NOINLINE void WritePart(const Layer& layer, const FilterPart& part,
                                      Mantissas gradient, int32_t begin, int32_t end,
                                      MutableMantissas result, QuadRange* mantissas) {
  const ConvGeometry& g = layer.options.geometry;
  Group group;
  for (int32_t c = part.begin; c < part.end; c += kChannelGroup) {
    LoadGroup(layer, part, Min(c, part.end - kChannelGroup), gradient.is_int8() ? 1 : 2, &group);
    for (int32_t y = begin; y < end; ++y) {
      for (int32_t phase = 0; phase < g.stride_width; ++phase) {
        if (gradient.is_int8()) {
          WritePhase(layer, group, gradient.int8(), y, phase, result.int8(), mantissas);
        } else {
          WritePhase(layer, group, gradient.int16(), y, phase, result.int16(), mantissas);
        }
      }
    }
  }
}

// Writes the whole result and returns its largest magnitude.
int32_t WriteAll(const Layer& layer, const SplitFilter& filter, const ActivationMask& mask,
                 Mantissas gradient, MutableMantissas result) {
  const ConvGeometry& g = layer.options.geometry;
  const int32_t inputs = g.input_height * g.input_width * g.input_channels;
  const int32_t outputs = g.output_height * g.output_width * g.output_channels;
  const int32_t size = gradient.is_int8() ? 1 : 2;
  // Where the result overlaps what is read, a row has to be complete before the next one.
  const auto overlaps = [&](const void* read, int32_t bytes) {
    return read != nullptr && Overlaps(result.int8(), inputs * size, read, bytes);
  };
  const bool by_rows = overlaps(gradient.int8(), outputs * size) ||
                       overlaps(mask.values, inputs) || overlaps(mask.bits, MaskBytes(inputs));
  const int32_t step = by_rows ? 1 : g.input_height;
  QuadRange mantissas;
  for (int32_t y = 0; y < g.input_height; y += step) {
    for (const FilterPart& part : filter) {
      WritePart(layer, part, gradient, y, y + step, result, &mantissas);
    }
  }
  // The bound on the sums keeps mantissas in their range, but for the last rounding.
  const int32_t limit = MantissaLimit(layer.bits);
  if (mantissas.max_abs() <= limit) return mantissas.max_abs();
  for (int32_t i = 0; i < inputs; ++i) result.Set(i, Clamp(result[i], -limit, limit));
  return limit;
}

// Moves one weight; as UpdateWeight, which it is but for what nearly every weight is.
void StepWeight(const ConvFilterUpdateOptions& options, float factor_value, int32_t acc,
                TrainedWeights weight, Random* random) {
  const Factor factor = DecomposeFactor(factor_value);
  if (!factor.trains()) return;
  if (factor.shift <= 0 || weight.fractions != nullptr) {
    UpdateWeight(weight, acc, factor, options.clamp, random);
    return;
  }
  // (t + r) >> sh, clamped, is the step of the clamped t: see weight_update_dsp.h.
  const auto addend = static_cast<int32_t>(random->Next() >> (32 - factor.shift));
  const int32_t step = Clamp(Smmla(acc, factor.multiplier, addend) >> factor.shift,
                             -options.clamp, options.clamp);
  *weight.values =
      static_cast<int8_t>(Clamp(*weight.values - step, -kWeightLimit, kWeightLimit));
}

// Whether the fast path takes a layer.
bool IsUsual(const ConvGeometry& g) {
  return g.output_channels == g.input_channels && g.filter_height <= kMaxLength &&
         g.filter_width <= kMaxLength && g.filter_height * g.filter_width <= kMaxTaps &&
         g.stride_height <= kMaxStride && g.stride_width <= kMaxStride;
}

bool IsUsual(const SplitFilter& filter) {
  for (const FilterPart& part : filter) {
    if (part.channels() < kChannelGroup) return false;
  }
  return true;
}

}  // namespace

GradientScale DepthwiseConv2DInputGrad(const ConvInputGradOptions& options,
                                       Mantissas gradient, GradientScale scale,
                                       const SplitFilter& filter, const int16_t* multiplier,
                                       ActivationMask mask, MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  if (!IsUsual(g) || !IsUsual(filter)) {
    return ReferenceDepthwiseConv2DInputGrad(options, gradient, scale, filter, multiplier, mask,
                                               input_gradient);
  }
  const uint64_t bound = static_cast<uint64_t>(scale.max_abs) *
                         static_cast<uint64_t>(options.weight_bound);
  const int bits = options.gradient_bits;
  const int shift = Max(-15, Bits(bound) - bits);
  const Layer layer = {options,
                       multiplier,
                       Phases(g.filter_height, g.stride_height, g.dilation_height),
                       Phases(g.filter_width, g.stride_width, g.dilation_width),
                       QuadMask(mask),
                       shift,
                       bits};
  const int32_t max_abs = WriteAll(layer, filter, mask, gradient, input_gradient);
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift), max_abs};
}

void DepthwiseConv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                                 Mantissas gradient, GradientScale scale,
                                 const FilterStep& step, TrainedWeights filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  if (g.output_channels != g.input_channels || options.channels < kChannelGroup) {
    ReferenceDepthwiseConv2DFilterUpdate(options, input, gradient, scale, step, filter, random);
    return;
  }
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.output_channels : options.filter_channels;
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    for (int32_t kx = 0; kx < g.filter_width; ++kx, filter = filter + filter_channels) {
      const TapWindow window(options, ky, kx);
      for (int32_t first = 0; first < options.channels; first += kChannelGroup) {
        const int32_t channel = Min(first, options.channels - kChannelGroup);
        const GroupSums acc =
            gradient.is_int8() ? SumPositions(options, window, input, gradient.int8(), channel)
                               : SumPositions(options, window, input, gradient.int16(), channel);
        // Channels that the group before has updated are left out.
        const int32_t sums[] = {acc.a, acc.b, acc.c, acc.d};
        for (int32_t o = first; o < Min(first + kChannelGroup, options.channels); ++o) {
          StepWeight(options, step.FactorOf(scale.sigma, o), sums[o - channel], filter + o,
                     random);
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif
