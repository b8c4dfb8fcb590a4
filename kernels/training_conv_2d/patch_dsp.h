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

// What one call of the kernel works on, and how far it has come.
struct ConvWork {
  const TrainingConvOptions* options;
  const int8_t* input;
  const Requantisation* requantisation;
  uint32_t offset;    // minus the zero point, in both halves
  bool reads_pixels;  // a patch is one pixel of the input, never outside

  // A group of pixels: [ox, ox + pixels) of row oy, three or four or one. They go to `output`.
  int8_t* output;
  int32_t oy;
  int32_t ox;
  int32_t pixels;

  // A piece of their patches: `count` elements from `first` on of the rows of a filter, for the
  // outputs [begin, end).
  const FilterPart* part;
  int32_t row;  // elements of a row of the filter
  int32_t first;
  int32_t count;
  int32_t begin;
  int32_t end;
  bool is_first;  // of the patches' pieces
  bool is_last;

  const FilterPart* last_part;
  int32_t taps;   // of the filter
  int32_t block;  // outputs whose accumulators wait for the next piece of a group of four pixels
  // All pieces of such a group have room side by side, each from a multiple of 4 on, so that they
  // are spread once for all outputs.
  bool is_kept;

  const int8_t* Weights() const { return part->weights + begin * row + first; }
};

// The inputs of one pixel that a piece reads, copied; outside the map the zero point.
TFLM_TRAINING_INLINE void CopyPatch(const ConvWork& work, int32_t top, int32_t left,
                                    int8_t* values) {
  const ConvGeometry& g = work.options->geometry;
  const int32_t channels = work.part->channels();
  const int32_t tap = work.first / channels;
  int32_t channel = work.first % channels;
  int32_t ky = tap / g.filter_width;
  int32_t kx = tap % g.filter_width;
  // Taps of a row that are next to each other in memory are copied together.
  const bool joins = channels == g.input_channels && g.dilation_width == 1;
  for (int32_t count = work.count; count > 0;) {
    const int32_t iy = top + ky * g.dilation_height;
    const int32_t ix = left + kx * g.dilation_width;
    // Below 0, unsigned, is beyond the end.
    const bool inside = static_cast<uint32_t>(iy) < static_cast<uint32_t>(g.input_height) &&
                        static_cast<uint32_t>(ix) < static_cast<uint32_t>(g.input_width);
    int32_t taps = 1;
    if (joins && inside) taps = Min(g.filter_width - kx, g.input_width - ix);
    const int32_t run = Min(taps * channels - channel, count);
    if (inside) {
      const int8_t* from = work.input + (iy * g.input_width + ix) * g.input_channels +
                           work.part->begin + channel;
      for (int32_t i = 0; i < run; ++i) values[i] = from[i];
    } else {
      memset(values, work.options->input_zero_point, static_cast<size_t>(run));
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

// The inputs that the piece reads of pixel p of the group: where they are or, copied, in
// `values`.
TFLM_TRAINING_HOT inline const int8_t* Gather(const ConvWork& work, int32_t p, int8_t* values) {
  const ConvGeometry& g = work.options->geometry;
  const int32_t top = work.oy * g.stride_height;
  const int32_t left = (work.ox + p) * g.stride_width;
  if (work.reads_pixels) {
    return work.input + (top * g.input_width + left) * g.input_channels + work.part->begin +
           work.first;
  }
  CopyPatch(work, top - g.padding_top, left - g.padding_left, values);
  return values;
}

}  // namespace tflm_training

#endif  // KERNELS_TRAINING_CONV_2D_PATCH_DSP_H_
