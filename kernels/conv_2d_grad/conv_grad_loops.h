// The plain loops of the gradients of CONV_2D and TRANSPOSE_CONV, which differ in how a tap of the
// filter joins the layer's two maps: docs/arithmetic.md, CONV_2D_INPUT_GRAD and
// TRANSPOSE_CONV_INPUT_GRAD. Arguments and results are those of the kernels
// (conv_2d_grad.h, ../transpose_conv_grad/transpose_conv_grad.h).
#ifndef KERNELS_CONV_2D_GRAD_CONV_GRAD_LOOPS_H_
#define KERNELS_CONV_2D_GRAD_CONV_GRAD_LOOPS_H_

#include <cstdint>
#include <cstring>

#include "kernels/conv_2d_grad/gradient_scaler.h"
#include "kernels/core/accumulate.h"
#include "kernels/core/conv_options.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"
#include "kernels/core/gradient.h"
#include "kernels/core/random.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {

// The output that a tap at `offset` joins with `input`, or -1 if there is none.
template <bool kTransposed>
int32_t JoinedOutput(int32_t input, int32_t outputs, int32_t stride, int32_t padding,
                     int32_t offset) {
  return kTransposed ? TransposedOutput(input, outputs, stride, padding, offset)
                     : OutputReaching(input, outputs, stride, padding, offset);
}

// acc[i] = sum of W[o, ky, kx, first + i] * a[oy, ox, o] over all that (y, x) is joined with;
// `first` counts within the part.
template <bool kTransposed>
void AccumulatePixel(const ConvGeometry& g, Mantissas gradient, const FilterPart& part,
                     const GradientScaler& scaler, int32_t y, int32_t x, int32_t first,
                     int32_t count, int32_t* acc) {
  const int32_t filter_stride = g.filter_height * g.filter_width * part.channels();
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = JoinedOutput<kTransposed>(y, g.output_height, g.stride_height,
                                                 g.padding_top, ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const int32_t ox = JoinedOutput<kTransposed>(x, g.output_width, g.stride_width,
                                                   g.padding_left, kx * g.dilation_width);
      if (ox < 0) continue;
      const Mantissas m = gradient + (oy * g.output_width + ox) * g.output_channels;
      const int8_t* row =
          part.weights + (ky * g.filter_width + kx) * part.channels() + first;
      for (int32_t o = 0; o < g.output_channels; ++o) {
        const int32_t mantissa = m[o];
        if (mantissa == 0) continue;
        const int32_t a = scaler(mantissa, o);
        MultiplyAccumulate(row + o * filter_stride, static_cast<int16_t>(a), count, acc);
      }
    }
  }
}

// acc[i] = sum over positions of (x[.., first + i] - zero_point) * m[.., o] at tap (ky, kx).
template <bool kTransposed, typename Mantissa>
void AccumulateTap(const ConvFilterUpdateOptions& options, const int8_t* input,
                   const Mantissa* gradient, int32_t o, int32_t ky, int32_t kx, int32_t first,
                   int32_t count, int32_t* acc) {
  const ConvGeometry& g = options.geometry;
  const int32_t offset_y = ky * g.dilation_height;
  const int32_t offset_x = kx * g.dilation_width;
  // A position of the coarse map, the input of a transposed layer, has one in the fine map.
  const Range rows = OutputsInside(kTransposed ? g.input_height : g.output_height,
                                   kTransposed ? g.output_height : g.input_height,
                                   g.stride_height, g.padding_top, offset_y);
  const Range columns = OutputsInside(kTransposed ? g.input_width : g.output_width,
                                      kTransposed ? g.output_width : g.input_width,
                                      g.stride_width, g.padding_left, offset_x);
  const int32_t input_stride = options.InputStride();
  // The zero point leaves the inner loop: sum (x - z) * m = sum x * m - z * sum m.
  int32_t mantissa_sum = 0;
  for (int32_t y = rows.begin; y < rows.end; ++y) {
    const int32_t fine_y = y * g.stride_height - g.padding_top + offset_y;
    const int32_t oy = kTransposed ? fine_y : y;
    const int32_t iy = kTransposed ? y : fine_y;
    for (int32_t x = columns.begin; x < columns.end; ++x) {
      const int32_t fine_x = x * g.stride_width - g.padding_left + offset_x;
      const int32_t ox = kTransposed ? fine_x : x;
      const Mantissa m = gradient[(oy * g.output_width + ox) * g.output_channels + o];
      if (m == 0) continue;
      const int32_t ix = kTransposed ? x : fine_x;
      MultiplyAccumulate(input + (iy * g.input_width + ix) * input_stride + first, m, count,
                         acc);
      mantissa_sum += m;
    }
  }
  for (int32_t i = 0; i < count; ++i) acc[i] -= options.input_zero_point * mantissa_sum;
}

// The input gradient. Less than 600 bytes of stack, as ConvFilterUpdate.
template <bool kTransposed>
GradientScale ConvInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                            GradientScale scale, const SplitFilter& filter,
                            const int16_t* multiplier, ActivationMask mask,
                            MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const InputGradScale scales(options, scale, multiplier);
  // Locals: for all that a compiler knows, int8 mantissas are written over the options.
  const int bits = options.gradient_bits;
  const int shift = scales.shift;

  GradientWriter writer(input_gradient, mask);
  int32_t acc[kChannelBlock];
  for (int32_t y = 0; y < g.input_height; ++y) {
    for (int32_t x = 0; x < g.input_width; ++x) {
      const int32_t pixel = (y * g.input_width + x) * g.input_channels;
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += kChannelBlock) {
          const int32_t count = Min(kChannelBlock, part.channels() - first);
          memset(acc, 0, sizeof(acc));
          AccumulatePixel<kTransposed>(g, gradient, part, scales.scaler, y, x, first, count, acc);
          for (int32_t i = 0; i < count; ++i) {
            writer.Write(pixel + part.begin + first + i,
                         Saturate(RoundingShift32(acc[i], shift), bits));
          }
        }
      }
    }
  }
  return {scales.sigma, writer.max_abs()};
}

// The filter update.
template <bool kTransposed>
void ConvFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                      Mantissas gradient, GradientScale scale, const FilterStep& step,
                      TrainedWeights filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  const int32_t filter_channels = options.FilterStride(g.input_channels);
  int32_t acc[kChannelBlock];
  for (int32_t o = 0; o < g.output_channels; ++o) {
    const Factor factor = DecomposeFactor(step.FactorOf(scale.sigma, o));
    if (!factor.trains()) continue;
    for (int32_t ky = 0; ky < g.filter_height; ++ky) {
      for (int32_t kx = 0; kx < g.filter_width; ++kx) {
        const TrainedWeights row = filter + ((o * g.filter_height + ky) * g.filter_width + kx) *
                                   filter_channels;
        for (int32_t first = 0; first < options.channels; first += kChannelBlock) {
          const int32_t count = Min(kChannelBlock, options.channels - first);
          memset(acc, 0, sizeof(acc));
          if (gradient.is_int8()) {
            AccumulateTap<kTransposed>(options, input, gradient.int8(), o, ky, kx, first, count,
                                       acc);
          } else {
            AccumulateTap<kTransposed>(options, input, gradient.int16(), o, ky, kx, first, count,
                                       acc);
          }
          for (int32_t i = 0; i < count; ++i) {
            UpdateWeight(row + (first + i), acc[i], factor, options.clamp, random);
          }
        }
      }
    }
  }
}

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_CONV_GRAD_LOOPS_H_
