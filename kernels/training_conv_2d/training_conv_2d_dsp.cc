// TrainingConv2D for the Arm DSP extension; how it works: README.md.
#define TFLM_TRAINING_REGIONS
#include "kernels/core/optimize_dsp.h"

#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/requantize_dsp.h"
#include "kernels/training_conv_2d/multiply_dsp.h"
#include "kernels/training_conv_2d/patch_dsp.h"
#include "kernels/training_conv_2d/training_conv_2d.h"

namespace tflm_training {
namespace {

// Inputs of each pixel of a group that are multiplied at once; a multiple of 4.
constexpr int32_t kPatchElements = 128;
// Outputs whose accumulators wait for the next block of inputs.
constexpr int32_t kOutputBlock = 32;
constexpr int kGroup = 4;

// Spreads the inputs that `piece` reads of the pixels [ox, ox + pixels) of row oy for the
// multiplications, interleaved; where there are fewer than four, the last one fills up.
TFLM_TRAINING_NOINLINE void Spread(const ConvLayer& layer, const PatchPiece& piece, int32_t oy,
                                   int32_t ox, int pixels, Inputs* patch) {
  int8_t copied[kPatchElements];
  const uint32_t offset = layer.offset;
  const int32_t count = piece.count;
  for (int p = 0; p < kGroup; ++p) {
    const int8_t* values = Gather(layer, piece, oy, ox + Min(p, pixels - 1), copied);
    Inputs* to = patch + p;
    for (const int8_t* const end = values + (count & ~7); values != end; values += 8) {
      const uint32_t second = LoadWord(values + 4);
      StoreInputs(Unpack(LoadWord(values), offset), to);
      StoreInputs(Unpack(second, offset), to + kGroup);
      to += 2 * kGroup;
    }
    if ((count & 4) != 0) {
      StoreInputs(Unpack(LoadWord(values), offset), to);
      values += 4;
      to += kGroup;
    }
    if ((count & 3) != 0) *to = UnpackTail(values, count, offset);
  }
}

// The sums of `piece` for the outputs [begin, end) of four pixels. The last pixel is written
// `last_step` behind the one before.
TFLM_TRAINING_NOINLINE void MultiplyPiece(const ConvLayer& layer, const PatchPiece& piece,
                                          const Inputs* patch, int32_t begin, int32_t end,
                                          int32_t last_step, Sums* waiting, int8_t* output) {
  const Requantisation r = layer.requantisation;
  const TrainingConvOptions& options = layer.options;
  const int32_t zero_point = options.output_zero_point;
  const bool clamps = Clamps(options);
  const int32_t step = layer.g.output_channels;
  const int32_t row = piece.row;
  const int32_t count = piece.count;
  const int8_t* weights = piece.part->weights + begin * row + piece.first;
  for (int32_t o = begin; o < end; ++o, ++waiting, weights += row) {
    Sums acc;
    if (piece.is_first) {
      acc.a = acc.b = acc.c = acc.d = r.bias != nullptr ? r.bias[o] : 0;
    } else {
      acc = {waiting->a, waiting->b, waiting->c, waiting->d};
    }
    Multiply(weights, count, patch, acc);
    if (!piece.is_last) {
      *waiting = {acc.a, acc.b, acc.c, acc.d};
      continue;
    }
    const int32_t entry = r.per_channel ? o : 0;
    const int32_t multiplier = r.multiplier[entry];
    int32_t shift = r.shift[entry];
    if (shift > 0) {
      acc.Apply([=](int32_t value) {
        return static_cast<int32_t>(static_cast<uint32_t>(value) << shift);
      });
    }
    acc.Apply([=](int32_t value) { return RoundingDoublingHigh(value, multiplier); });
    __asm__("" : "+r"(shift));  // or what is above exists for both cases
    if (shift < 0) {
      acc.Apply([=](int32_t value) { return RoundingDivideAndAdd(value, -shift, zero_point); });
    } else {
      acc.Apply([=](int32_t value) { return WrappingAdd(value, zero_point); });
    }
    acc.Apply([](int32_t value) { return Ssat<8>(value); });
    if (clamps) {
      const int32_t low = options.activation_min;
      const int32_t high = options.activation_max;
      acc.Apply([=](int32_t value) { return Clamp(value, low, high); });
    }
    int8_t* to = output + o;
    *to = static_cast<int8_t>(acc.a);
    to += step;
    *to = static_cast<int8_t>(acc.b);
    to += step;
    *to = static_cast<int8_t>(acc.c);
    to += last_step;
    *to = static_cast<int8_t>(acc.d);
  }
}

// Requantisation::Output, quicker.
TFLM_TRAINING_INLINE int8_t Output(const ConvLayer& layer, int32_t acc, int32_t o) {
  const Requantisation& r = layer.requantisation;
  const TrainingConvOptions& options = layer.options;
  if (r.bias != nullptr) acc = WrappingAdd(acc, r.bias[o]);
  if (!r.per_channel) o = 0;
  const int shift = r.shift[o];
  if (shift >= 0) return Requantize(options, acc, r.multiplier[o], shift);
  return static_cast<int8_t>(
      Clamp(RequantizeRight(acc, r.multiplier[o], shift, options.output_zero_point),
            options.activation_min, options.activation_max));
}

// The same for one pixel, whose inputs are `values`, two outputs at a time; an odd last one is
// computed twice.
TFLM_TRAINING_NOINLINE void MultiplyPixel(const ConvLayer& layer, const PatchPiece& piece,
                                          const int8_t* values, int32_t begin, int32_t end,
                                          int32_t* waiting, int8_t* output) {
  const int32_t row = piece.row;
  const int32_t step = piece.is_first && piece.is_last ? 0 : 2;
  const int8_t* weights = piece.part->weights + begin * row + piece.first;
  for (int32_t o = begin; o < end; o += 2, weights += 2 * row) {
    const int32_t next = o + 1 < end ? 1 : 0;
    // Where the first piece is the last one too, all outputs take the same place.
    if (piece.is_first) waiting[0] = waiting[1] = 0;
    MultiplyPair(weights, next * row, piece.count, values, layer.offset, waiting);
    if (piece.is_last) {
      output[o] = Output(layer, waiting[0], o);
      output[o + next] = Output(layer, waiting[1], o + next);
    }
    waiting += step;
  }
}

// Whether the patch of a group of four pixels is one piece, read once and before any output of the
// group is written.
bool IsOnePiece(const ConvGeometry& g, const SplitFilter& filter) {
  return g.filter_height * g.filter_width * g.input_channels <= kPatchElements &&
         filter.end() - filter.begin() == 1;
}

// Writes the pixels [ox, ox + pixels) of row oy: three or four, or one.
TFLM_TRAINING_HOT void ConvolveGroup(const ConvLayer& layer, const SplitFilter& filter,
                                     int32_t oy, int32_t ox, int pixels) {
  const ConvGeometry& g = layer.g;
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t block = layer.is_one_piece ? g.output_channels : kOutputBlock;
  const int32_t last_step = pixels == kGroup ? g.output_channels : 0;
  int8_t* output = layer.output + (oy * g.output_width + ox) * g.output_channels;
  Inputs patch[kPatchElements];
  // One pixel has the room of four.
  auto* const copied = reinterpret_cast<int8_t*>(patch);
  int32_t most = kPatchElements;
  if (pixels == 1) {
    most = static_cast<int32_t>(sizeof(patch));
    if (layer.reads_pixels) most = INT32_MAX;
  }
  Sums waiting[kOutputBlock];
  for (int32_t begin = 0; begin < g.output_channels; begin += block) {
    const int32_t end = Min(begin + block, g.output_channels);
    for (const FilterPart& part : filter) {
      const int32_t row = taps * part.channels();
      for (int32_t first = 0; first < row;) {
        const int32_t count = Min(most, row - first);
        const PatchPiece piece = {&part, row, first, count,
                                  first == 0 && &part == filter.begin(),
                                  first + count == row && &part + 1 == filter.end()};
        if (pixels > 1) {
          Spread(layer, piece, oy, ox, pixels, patch);
          MultiplyPiece(layer, piece, patch, begin, end, last_step, waiting, output);
        } else {
          MultiplyPixel(layer, piece, Gather(layer, piece, oy, ox, copied), begin, end,
                        &waiting->a, output);
        }
        first += count;
      }
    }
  }
}

// Whether the filter is 1x1 and never outside the map.
bool ReadsPixels(const ConvGeometry& g) {
  return g.filter_height == 1 && g.filter_width == 1 && g.padding_top == 0 &&
         g.padding_left == 0 && (g.output_height - 1) * g.stride_height < g.input_height &&
         (g.output_width - 1) * g.stride_width < g.input_width;
}

}  // namespace

TFLM_TRAINING_SMALL
void TrainingConv2D(const TrainingConvOptions& options, const int8_t* input,
                    const SplitFilter& filter, const Requantisation& requantisation,
                    int8_t* output) {
  const ConvGeometry& g = options.geometry;
  const ConvLayer layer = {options, g, input, requantisation, output,
                           BothHalves(-options.input_zero_point), ReadsPixels(g),
                           IsOnePiece(g, filter)};
  int32_t rows = g.output_height;
  int32_t columns = g.output_width;
  const FilterPart& part = *filter.begin();
  if (rows * columns == 1 && layer.reads_pixels && part.channels() == g.input_channels) {
    // FULLY_CONNECTED: a vector, which is read where it is; no accumulator waits.
    const PatchPiece piece = {&part, g.input_channels, 0, g.input_channels, true, true};
    int32_t sums[2];
    MultiplyPixel(layer, piece, input, 0, g.output_channels, sums, output);
    return;
  }
  // All pixels may be one row: a group that crosses rows has read its inputs before it writes.
  if (layer.reads_pixels && layer.is_one_piece && g.stride_height == 1 && g.stride_width == 1 &&
      columns == g.input_width) {
    columns *= rows;
    rows = 1;
  }
  for (int32_t oy = 0; oy < rows; ++oy) {
    for (int32_t ox = 0; ox < columns;) {
      const int32_t left = columns - ox;
      const int32_t pixels = left < kGroup - 1 ? 1 : Min(kGroup, left);
      ConvolveGroup(layer, filter, oy, ox, pixels);
      ox += pixels;
    }
  }
}

}  // namespace tflm_training

#endif
