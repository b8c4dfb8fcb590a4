#include "kernels/conv_2d_grad/conv_2d_grad.h"

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {
namespace {

constexpr int32_t kFullMultiplier = 32767;

// Brings output gradients of all channels to one scale, using the bits that the
// accumulator allows: a = m * mu[o] / 2^15 * 2^headroom.
class GradientScaler {
 public:
  GradientScaler(const int16_t* multiplier, int headroom)
      : multiplier_(multiplier),
        up_(multiplier == nullptr && headroom > 0 ? headroom : 0),
        down_(multiplier == nullptr ? Max(-headroom, 0) : 15 - headroom) {}

  int32_t operator()(int32_t mantissa, int32_t channel) const {
    return Scale(mantissa, multiplier_ == nullptr ? 1 : multiplier_[channel]);
  }
  // The largest value that a mantissa of at most `max_abs` can give.
  int32_t Bound(int32_t max_abs) const {
    return Scale(max_abs, multiplier_ == nullptr ? 1 : kFullMultiplier);
  }

 private:
  int32_t Scale(int32_t mantissa, int32_t multiplier) const {
    return RoundingShift32(mantissa * multiplier * (1 << up_), down_);
  }

  const int16_t* multiplier_;
  int up_;
  int down_;
};

// acc[i] = sum of W[o, ky, kx, first + i] * a[oy, ox, o] over all that reach (y, x); `first`
// counts within the part.
void AccumulatePixel(const ConvGeometry& g, Mantissas gradient, const FilterPart& part,
                     const GradientScaler& scaler, int32_t y, int32_t x, int32_t first,
                     int32_t count, int32_t* acc) {
  const int32_t filter_stride = g.filter_height * g.filter_width * part.channels();
  for (int32_t ky = 0; ky < g.filter_height; ++ky) {
    const int32_t oy = OutputReaching(y, g.output_height, g.stride_height, g.padding_top,
                                      ky * g.dilation_height);
    if (oy < 0) continue;
    for (int32_t kx = 0; kx < g.filter_width; ++kx) {
      const int32_t ox = OutputReaching(x, g.output_width, g.stride_width, g.padding_left,
                                        kx * g.dilation_width);
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

// acc[i] = sum over outputs of (x[.., first + i] - zero_point) * m[.., o] at tap (ky, kx).
template <typename Mantissa>
void AccumulateTap(const ConvFilterUpdateOptions& options, const int8_t* input,
                   const Mantissa* gradient, int32_t o, int32_t ky, int32_t kx, int32_t first,
                   int32_t count, int32_t* acc) {
  const ConvGeometry& g = options.geometry;
  const int32_t offset_y = ky * g.dilation_height;
  const int32_t offset_x = kx * g.dilation_width;
  const Range rows = OutputsInside(g.output_height, g.input_height, g.stride_height,
                                   g.padding_top, offset_y);
  const Range columns = OutputsInside(g.output_width, g.input_width, g.stride_width,
                                      g.padding_left, offset_x);
  const int32_t input_stride = options.InputStride();
  // The zero point leaves the inner loop: sum (x - z) * m = sum x * m - z * sum m.
  int32_t mantissa_sum = 0;
  for (int32_t oy = rows.begin; oy < rows.end; ++oy) {
    const int32_t iy = oy * g.stride_height - g.padding_top + offset_y;
    for (int32_t ox = columns.begin; ox < columns.end; ++ox) {
      const Mantissa m = gradient[(oy * g.output_width + ox) * g.output_channels + o];
      if (m == 0) continue;
      const int32_t ix = ox * g.stride_width - g.padding_left + offset_x;
      MultiplyAccumulate(input + (iy * g.input_width + ix) * input_stride + first, m, count,
                         acc);
      mantissa_sum += m;
    }
  }
  for (int32_t i = 0; i < count; ++i) acc[i] -= options.input_zero_point * mantissa_sum;
}

}  // namespace

GradientScale Conv2DInputGrad(const ConvInputGradOptions& options, Mantissas gradient,
                              GradientScale scale, const SplitFilter& filter,
                              const int16_t* multiplier, ActivationMask mask,
                              MutableMantissas input_gradient) {
  const ConvGeometry& g = options.geometry;
  const int headroom = options.accumulator_bits - Bits(static_cast<uint64_t>(scale.max_abs));
  const GradientScaler scaler(multiplier, headroom);
  const uint64_t bound = static_cast<uint64_t>(scaler.Bound(scale.max_abs)) *
                         static_cast<uint64_t>(options.weight_bound);
  // A local: for all that a compiler knows, int8 mantissas are written over the options.
  const int bits = options.gradient_bits;
  const int shift = Max(0, Bits(bound) - bits);

  GradientWriter writer(input_gradient, mask);
  int32_t acc[kChannelBlock];
  for (int32_t y = 0; y < g.input_height; ++y) {
    for (int32_t x = 0; x < g.input_width; ++x) {
      const int32_t pixel = (y * g.input_width + x) * g.input_channels;
      for (const FilterPart& part : filter) {
        for (int32_t first = 0; first < part.channels(); first += kChannelBlock) {
          const int32_t count = Min(kChannelBlock, part.channels() - first);
          memset(acc, 0, sizeof(acc));
          AccumulatePixel(g, gradient, part, scaler, y, x, first, count, acc);
          for (int32_t i = 0; i < count; ++i) {
            writer.Write(pixel + part.begin + first + i,
                         Saturate(RoundingShift32(acc[i], shift), bits));
          }
        }
      }
    }
  }
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift - headroom),
          writer.max_abs()};
}

void Conv2DFilterUpdate(const ConvFilterUpdateOptions& options, const int8_t* input,
                        Mantissas gradient, GradientScale scale, const FilterStep& step,
                        int8_t* filter, Random* random) {
  const ConvGeometry& g = options.geometry;
  const int32_t filter_channels =
      options.filter_channels == 0 ? g.input_channels : options.filter_channels;
  int32_t acc[kChannelBlock];
  for (int32_t o = 0; o < g.output_channels; ++o) {
    const Factor factor = DecomposeFactor(step.FactorOf(scale.sigma, o));
    if (!factor.trains()) continue;
    for (int32_t ky = 0; ky < g.filter_height; ++ky) {
      for (int32_t kx = 0; kx < g.filter_width; ++kx) {
        int8_t* row = filter + ((o * g.filter_height + ky) * g.filter_width + kx) *
                                   filter_channels;
        for (int32_t first = 0; first < options.channels; first += kChannelBlock) {
          const int32_t count = Min(kChannelBlock, options.channels - first);
          memset(acc, 0, sizeof(acc));
          if (gradient.is_int8()) {
            AccumulateTap(options, input, gradient.int8(), o, ky, kx, first, count, acc);
          } else {
            AccumulateTap(options, input, gradient.int16(), o, ky, kx, first, count, acc);
          }
          for (int32_t i = 0; i < count; ++i) {
            row[first + i] =
                UpdatedWeight(row[first + i], acc[i], factor, options.clamp, random);
          }
        }
      }
    }
  }
}

}  // namespace tflm_training
