// TrainingConv2D for the Arm DSP extension; how it works: README.md.
#include "kernels/core/dsp.h"

#if TFLM_TRAINING_DSP_KERNELS

#include <cstring>

#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/requantize_dsp.h"
#include "kernels/training_conv_2d/multiply_dsp.h"
#include "kernels/training_conv_2d/training_conv_2d.h"

namespace tflm_training {
namespace {

// Inputs of a group of pixels that are multiplied at once; 4 for each pixel, or a multiple.
constexpr int32_t kPatchElements = 512;
// Outputs whose accumulators wait for the next block of inputs.
constexpr int32_t kOutputBlock = 24;
constexpr int kGroup = 4;

// What one call of the kernel works on.
struct Layer {
  const TrainingConvOptions& options;
  const ConvGeometry& g;
  const int8_t* input;
  const Requantisation& requantisation;
  int8_t* output;
  uint32_t offset;    // minus the zero point, in both halves
  bool reads_pixels;  // a patch is one pixel of the input, never outside
};

// A piece of the patches: `count` elements from `first` on of the row of a filter.
struct Piece {
  const FilterPart* part;
  int32_t row;  // elements of a row of the filter
  int32_t first;
  int32_t count;
  bool is_first;
  bool is_last;
};

// The inputs of one pixel that a piece reads, copied; outside the map the zero point.
void CopyPatch(const Layer& layer, const Piece& piece, int32_t top, int32_t left,
               int8_t* values) {
  const ConvGeometry& g = layer.g;
  const int32_t channels = piece.part->channels();
  const int32_t tap = piece.first / channels;
  int32_t channel = piece.first % channels;
  int32_t ky = tap / g.filter_width;
  int32_t kx = tap % g.filter_width;
  // Taps of a row that are next to each other in memory are copied together.
  const bool joins = channels == g.input_channels && g.dilation_width == 1;
  for (int32_t count = piece.count; count > 0;) {
    const int32_t iy = top + ky * g.dilation_height;
    const int32_t ix = left + kx * g.dilation_width;
    const bool inside = iy >= 0 && iy < g.input_height && ix >= 0 && ix < g.input_width;
    int32_t taps = 1;
    if (joins && inside) taps = Min(g.filter_width - kx, g.input_width - ix);
    const int32_t run = Min(taps * channels - channel, count);
    if (inside) {
      const int8_t* from = layer.input + (iy * g.input_width + ix) * g.input_channels +
                           piece.part->begin + channel;
      for (int32_t i = 0; i < run; ++i) values[i] = from[i];
    } else {
      memset(values, layer.options.input_zero_point, static_cast<size_t>(run));
    }
    values += run;
    count -= run;
    channel = 0;
    kx += taps;
    if (kx == g.filter_width) {
      kx = 0;
      ++ky;
    }
  }
}

// Spreads the inputs of one pixel for the multiplications, every kPixels-th element.
template <int kPixels>
void Expand(const int8_t* values, int32_t count, uint32_t offset, Inputs* patch) {
  for (const int8_t* const end = values + (count & ~7); values != end; values += 8) {
    const uint32_t first = LoadWord(values);
    const uint32_t second = LoadWord(values + 4);
    StoreInputs({Sxtab16(offset, first), Sxtab16Ror8(offset, first)}, patch);
    StoreInputs({Sxtab16(offset, second), Sxtab16Ror8(offset, second)}, patch + kPixels);
    patch += 2 * kPixels;
  }
  if ((count & 4) != 0) {
    const uint32_t word = LoadWord(values);
    StoreInputs({Sxtab16(offset, word), Sxtab16Ror8(offset, word)}, patch);
    values += 4;
    patch += kPixels;
  }
  const int32_t rest = count & 3;
  if (rest == 0) return;
  // Of the tail only the last `rest` lanes count, or, where it is all there is, the first.
  const uint32_t lanes = count < 4 ? (1u << (8 * rest)) - 1 : ~0u << (32 - 8 * rest);
  const uint32_t word = LoadTail(values, count);
  *patch = {Sxtab16(offset, word) & Sxtb16(lanes), Sxtab16Ror8(offset, word) & Sxtb16Ror8(lanes)};
}

// Spreads the inputs that `piece` reads of the pixels [ox, ox + pixels) of row oy; where there are
// fewer than kPixels, the last one fills up.
template <int kPixels>
TFLM_TRAINING_NOINLINE void Spread(const Layer& layer, const Piece& piece, int32_t oy,
                                   int32_t ox, int pixels, Inputs* patch) {
  const ConvGeometry& g = layer.g;
  int8_t values[kPatchElements / kPixels];
  for (int p = 0; p < kPixels; ++p) {
    const int32_t x = ox + Min(p, pixels - 1);
    const int8_t* from = values;
    if (layer.reads_pixels) {
      const int32_t pixel = oy * g.stride_height * g.input_width + x * g.stride_width;
      from = layer.input + pixel * g.input_channels + piece.part->begin + piece.first;
    } else {
      CopyPatch(layer, piece, oy * g.stride_height - g.padding_top,
                x * g.stride_width - g.padding_left, values);
    }
    Expand<kPixels>(from, piece.count, layer.offset, patch + p);
  }
}

// The sums of `piece` for the outputs [begin, end) of four pixels. The last pixel is written
// `last_step` behind the one before.
TFLM_TRAINING_NOINLINE void MultiplyPiece(const Layer& layer, const Piece& piece,
                                          const Inputs* patch, int32_t begin, int32_t end,
                                          int32_t last_step, Sums<4>* waiting, int8_t* output) {
  const Requantisation r = layer.requantisation;
  const OutputRange range = OutputRange(layer.options);
  const int32_t step = layer.g.output_channels;
  const int32_t row = piece.row;
  const int32_t count = piece.count;
  const int8_t* weights = piece.part->weights + begin * row + piece.first;
  for (int32_t o = begin; o < end; ++o, ++waiting, weights += row) {
    Sums<4> acc;
    if (piece.is_first) {
      acc.Fill(r.bias != nullptr ? r.bias[o] : 0);
    } else {
      acc.Load(*waiting);
    }
    Multiply(weights, count, patch, acc);
    if (!piece.is_last) {
      waiting->Load(acc);
      continue;
    }
    const int32_t entry = r.per_channel ? o : 0;
    RequantizeChannel(range, r.multiplier[entry], r.shift[entry], acc);
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

// The same for one pixel, two outputs at a time; an odd last one is computed twice.
TFLM_TRAINING_NOINLINE void MultiplyPiece(const Layer& layer, const Piece& piece,
                                          const Inputs* patch, int32_t begin, int32_t end,
                                          int32_t, Sums<1>* waiting, int8_t* output) {
  const Requantisation r = layer.requantisation;
  const OutputRange range = OutputRange(layer.options);
  const int32_t row = piece.row;
  const int8_t* weights = piece.part->weights + begin * row + piece.first;
  for (int32_t o = begin; o < end; o += 2, waiting += 2, weights += 2 * row) {
    const int32_t next = o + 1 < end ? 1 : 0;
    Sums<1> a = {0};
    Sums<1> b = {0};
    if (!piece.is_first) {
      a = waiting[0];
      b = waiting[next];
    } else if (r.bias != nullptr) {
      a = {r.bias[o]};
      b = {r.bias[o + next]};
    }
    MultiplyPair(weights, next * row, piece.count, patch, a.a, b.a);
    if (!piece.is_last) {
      waiting[0] = a;
      waiting[next] = b;
      continue;
    }
    const int32_t entry = r.per_channel ? o : 0;
    const int32_t next_entry = r.per_channel ? o + next : 0;
    RequantizeChannel(range, r.multiplier[entry], r.shift[entry], a);
    RequantizeChannel(range, r.multiplier[next_entry], r.shift[next_entry], b);
    output[o] = static_cast<int8_t>(a.a);
    output[o + next] = static_cast<int8_t>(b.a);
  }
}

// Whether the patch of a group of kPixels pixels is one piece, read once and before any output
// of the group is written.
template <int kPixels>
bool IsOnePiece(const ConvGeometry& g, const SplitFilter& filter) {
  return g.filter_height * g.filter_width * g.input_channels <= kPatchElements / kPixels &&
         filter.end() - filter.begin() == 1;
}

// Writes the pixels [ox, ox + pixels) of row oy, at most kPixels.
template <int kPixels>
void ConvolveGroup(const Layer& layer, const SplitFilter& filter, int32_t oy, int32_t ox,
                   int pixels) {
  constexpr int32_t kBlock = kPatchElements / kPixels;
  const ConvGeometry& g = layer.g;
  const int32_t taps = g.filter_height * g.filter_width;
  const int32_t block = IsOnePiece<kPixels>(g, filter) ? g.output_channels : kOutputBlock;
  const int32_t last_step = pixels == kPixels ? g.output_channels : 0;
  int8_t* output = layer.output + (oy * g.output_width + ox) * g.output_channels;
  Inputs patch[kPatchElements / 4];
  Sums<kPixels> waiting[kOutputBlock];
  for (int32_t begin = 0; begin < g.output_channels; begin += block) {
    const int32_t end = Min(begin + block, g.output_channels);
    for (const FilterPart& part : filter) {
      const int32_t row = taps * part.channels();
      for (int32_t first = 0; first < row; first += kBlock) {
        const int32_t count = Min(kBlock, row - first);
        const Piece piece = {&part, row, first, count, first == 0 && &part == filter.begin(),
                             first + count == row && &part + 1 == filter.end()};
        Spread<kPixels>(layer, piece, oy, ox, pixels, patch);
        MultiplyPiece(layer, piece, patch, begin, end, last_step, waiting, output);
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

void TrainingConv2D(const TrainingConvOptions& options,
                                              const int8_t* input, const SplitFilter& filter,
                                              const Requantisation& requantisation,
                                              int8_t* output) {
  ConvGeometry g = options.geometry;
  const bool reads_pixels = ReadsPixels(g);
  // All pixels may be one row: a group that crosses rows has read its inputs before it writes.
  if (reads_pixels && g.stride_height == 1 && g.stride_width == 1 &&
      g.output_width == g.input_width && IsOnePiece<kGroup>(g, filter)) {
    g.output_width *= g.output_height;
    g.input_width *= g.input_height;
    g.output_height = 1;
    g.input_height = 1;
  }
  const Layer layer = {options, g, input, requantisation, output,
                       BothHalves(-options.input_zero_point), reads_pixels};
  for (int32_t oy = 0; oy < g.output_height; ++oy) {
    int32_t ox = 0;
    for (; g.output_width - ox >= kGroup - 1; ox += kGroup) {
      ConvolveGroup<kGroup>(layer, filter, oy, ox, Min(kGroup, g.output_width - ox));
    }
    for (; ox < g.output_width; ++ox) ConvolveGroup<1>(layer, filter, oy, ox, 1);
  }
}

}  // namespace tflm_training

#endif
