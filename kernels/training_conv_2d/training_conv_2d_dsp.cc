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
constexpr int kGroup = 4;
// Outputs whose accumulators wait for the next piece: of a group, of one pixel.
constexpr int32_t kOutputBlock = 32;
constexpr int32_t kPixelBlock = kOutputBlock * kGroup;

// Spreads the inputs that the piece reads of the group's pixels for the multiplications,
// interleaved; where there are fewer than four, the last one fills up.
TFLM_TRAINING_HOT void Spread(const ConvWork& work, Inputs* patch) {
  int8_t copied[kPatchElements];
  const uint32_t offset = work.offset;
  const int32_t count = work.count;
  for (int p = 0; p < kGroup; ++p) {
    const int8_t* values = Gather(work, Min(p, work.pixels - 1), copied);
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

// The sums of the piece for the outputs [begin, end) of four pixels.
TFLM_TRAINING_HOT void MultiplyPiece(const ConvWork& work, const Inputs* patch, Sums* waiting) {
  const Requantisation r = *work.requantisation;
  const TrainingConvOptions& options = *work.options;
  const int32_t zero_point = options.output_zero_point;
  const bool clamps = Clamps(options);
  const int32_t step = options.geometry.output_channels;
  const int32_t mask = r.per_channel ? -1 : 0;
  const int32_t last = (work.pixels - 1) * step;
  const int32_t row = work.row;
  const int32_t count = work.count;
  const int32_t end = work.end;
  int8_t* const output = work.output;
  const int8_t* weights = work.Weights();
  for (int32_t o = work.begin; o < end; ++o, ++waiting, weights += row) {
    Sums acc;
    if (work.is_first) {
      acc.a = acc.b = acc.c = acc.d = r.bias != nullptr ? r.bias[o] : 0;
    } else {
      acc = {waiting->a, waiting->b, waiting->c, waiting->d};
    }
    Multiply(weights, count, patch, acc);
    if (!work.is_last) {
      *waiting = {acc.a, acc.b, acc.c, acc.d};
      continue;
    }
    const int32_t multiplier = r.multiplier[o & mask];
    int32_t shift = r.shift[o & mask];
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
    to[step] = static_cast<int8_t>(acc.b);
    to[2 * step] = static_cast<int8_t>(acc.c);
    to[last] = static_cast<int8_t>(acc.d);
  }
}

// The same for one pixel, whose inputs are `values`, two outputs at a time; of an odd last one the
// sum is computed twice.
TFLM_TRAINING_HOT void MultiplyPixel(const ConvWork& work, const int8_t* values,
                                     int32_t* waiting) {
  const int32_t begin = work.begin;
  const int32_t end = work.end;
  const int32_t row = work.row;
  const int32_t count = work.count;
  const uint32_t offset = work.offset;
  const int8_t* weights = work.Weights();
  int32_t* sums = waiting;
  for (int32_t left = end - begin; left > 0; left -= 2) {
    if (work.is_first) sums[0] = sums[1] = 0;
    MultiplyPair(weights, left > 1 ? row : 0, count, values, offset, sums);
    sums += 2;
    weights += 2 * row;
  }
  if (!work.is_last) return;
  const Requantisation r = *work.requantisation;
  const TrainingConvOptions& options = *work.options;
  const bool clamps = Clamps(options);
  const int32_t mask = r.per_channel ? -1 : 0;
  int8_t* const output = work.output;
  for (int32_t o = begin; o < end; ++o) {
    const int32_t multiplier = r.multiplier[o & mask];
    const int shift = r.shift[o & mask];
    int32_t acc = *waiting++;
    if (r.bias != nullptr) acc = WrappingAdd(acc, r.bias[o]);
    if (shift >= 0) {
      acc = Requantize(options, acc, multiplier, shift);
    } else {
      acc = RequantizeRight(acc, multiplier, shift, options.output_zero_point);
      if (clamps) acc = Clamp(acc, options.activation_min, options.activation_max);
    }
    output[o] = static_cast<int8_t>(acc);
  }
}

// Writes the group: all pieces for some outputs, then for the next ones.
TFLM_TRAINING_INLINE void ConvolveGroup(const SplitFilter& filter, Sums* waiting, ConvWork& work) {
  const int32_t outputs = work.options->geometry.output_channels;
  // Each of two parts may end in a word that is not full.
  Inputs patch[kPatchElements + 4];
  int32_t most = kPatchElements;
  int32_t block = work.block;
  if (work.pixels == 1) {
    // One pixel has the room of four.
    most = static_cast<int32_t>(sizeof(patch));
    block = kPixelBlock;
  }
  Inputs* place = patch;
  do {
    work.end = Min(work.begin + block, outputs);
    work.row = work.taps * work.part->channels();
    work.count = Min(most, work.row - work.first);
    const int32_t next = work.first + work.count;
    work.is_last = next == work.row && work.part == work.last_part;
    if (work.pixels > 1) {
      if (work.begin == 0 || !work.is_kept) Spread(work, place);
      MultiplyPiece(work, place, waiting);
    } else {
      MultiplyPixel(work, Gather(work, 0, reinterpret_cast<int8_t*>(patch)), &waiting->a);
    }
    if (work.is_kept) place += (work.count + 3) & ~3;
    work.first = next;
    if (next == work.row) {
      work.first = 0;
      ++work.part;
    }
    work.is_first = work.is_last;
    if (work.is_last) {
      work.part = filter.begin();
      work.begin = work.end;
      place = patch;
    }
  } while (work.begin < outputs);
  work.begin = 0;
  work.output += work.pixels * outputs;
}

// Whether the filter is 1x1 and never outside the map.
TFLM_TRAINING_INLINE bool ReadsPixels(const ConvGeometry& g) {
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
  const int32_t outputs = g.output_channels;
  int32_t rows = g.output_height;
  int32_t columns = g.output_width;
  Sums waiting[kOutputBlock];
  ConvWork work;
  work.options = &options;
  work.input = input;
  work.requantisation = &requantisation;
  work.offset = BothHalves(-options.input_zero_point);
  work.reads_pixels = ReadsPixels(g);
  work.output = output;
  work.part = filter.begin();
  work.last_part = filter.end() - 1;
  work.first = 0;
  work.begin = 0;
  work.end = outputs;
  work.is_first = work.is_last = true;
  if (work.reads_pixels && rows * columns == 1 && work.part == work.last_part &&
      outputs <= kPixelBlock) {
    // FULLY_CONNECTED: a vector, which is read where it is.
    work.row = work.count = g.input_channels;
    MultiplyPixel(work, input, &waiting->a);
    return;
  }
  KeepOrder();  // or what follows exists for each of these conditions
  work.taps = g.filter_height * g.filter_width;
  work.block = kOutputBlock;
  work.is_kept = work.taps * g.input_channels <= kPatchElements;
  if (work.is_kept) {
    if (work.last_part == filter.begin()) work.block = outputs;
    // All pixels may be one row: a group that crosses rows has read its inputs before it writes.
    if (work.reads_pixels && g.stride_height == 1 && g.stride_width == 1 &&
        columns == g.input_width) {
      columns *= rows;
      rows = 1;
    }
  }
  work.oy = 0;
  work.ox = 0;
  do {
    work.pixels = Min(columns - work.ox, kGroup);
    if (work.pixels < kGroup - 1) work.pixels = 1;
    ConvolveGroup(filter, waiting, work);
    work.ox += work.pixels;
    if (work.ox == columns) {
      work.ox = 0;
      ++work.oy;
    }
  } while (work.oy < rows);
}

}  // namespace tflm_training

#endif
