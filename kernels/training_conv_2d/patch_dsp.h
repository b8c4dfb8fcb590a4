// The inputs that meet a row of the filter: where they are or copied.
#ifndef KERNELS_TRAINING_CONV_2D_PATCH_DSP_H_
#define KERNELS_TRAINING_CONV_2D_PATCH_DSP_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/requantize.h"
#include "kernels/core/split_filter.h"

namespace tflm_training {

// What one call of the kernel works on.
struct ConvLayer {
  const TrainingConvOptions& options;
  const ConvGeometry& g;
  const int8_t* input;
  const Requantisation& requantisation;
  int8_t* output;
  uint32_t offset;    // minus the zero point, in both halves
  bool reads_pixels;  // a patch is one pixel of the input, never outside
  bool is_one_piece;  // the patch of a group of four pixels is, see IsOnePiece
};

// A piece of the patches: `count` elements from `first` on of the row of a filter.
struct PatchPiece {
  const FilterPart* part;
  int32_t row;  // elements of a row of the filter
  int32_t first;
  int32_t count;
  bool is_first;
  bool is_last;
};

// The inputs of one pixel that a piece reads, copied; outside the map the zero point.
TFLM_TRAINING_INLINE void CopyPatch(const ConvLayer& layer, const PatchPiece& piece, int32_t top,
                                    int32_t left, int8_t* values) {
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

// The inputs that `piece` reads of pixel ox of row oy: where they are or, copied, in `values`.
TFLM_TRAINING_NOINLINE inline const int8_t* Gather(const ConvLayer& layer,
                                                   const PatchPiece& piece, int32_t oy,
                                                   int32_t ox, int8_t* values) {
  const ConvGeometry& g = layer.g;
  const int32_t top = oy * g.stride_height;
  const int32_t left = ox * g.stride_width;
  if (layer.reads_pixels) {
    return layer.input + (top * g.input_width + left) * g.input_channels + piece.part->begin +
           piece.first;
  }
  CopyPatch(layer, piece, top - g.padding_top, left - g.padding_left, values);
  return values;
}

}  // namespace tflm_training

#endif  // KERNELS_TRAINING_CONV_2D_PATCH_DSP_H_
