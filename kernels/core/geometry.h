// Geometry of a two-dimensional window operator on [H, W, C] maps, batch 1.
#ifndef KERNELS_CORE_GEOMETRY_H_
#define KERNELS_CORE_GEOMETRY_H_

#include <cstdint>

namespace tflm_training {

// Same words, same order as ConvGeometry in converter/ir/training_ops.py.
struct ConvGeometry {
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t filter_height;
  int32_t filter_width;
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t padding_top;
  int32_t padding_left;
};

// Extents, strides and paddings stay below 2^15, so that position * stride + tap *
// dilation fits int32. Channels are bounded by the bytes of their tensors.
constexpr int32_t kMaxExtent = 32767;

// The product of `count` extents, or -1 if one is negative or the product passes int32.
int32_t ElementCount(const int32_t* extents, int count);
int32_t Elements(int32_t a, int32_t b, int32_t c = 1, int32_t d = 1);

// Elements of the maps, as `Elements` counts them.
int32_t InputElements(const ConvGeometry& g);
int32_t OutputElements(const ConvGeometry& g);

inline bool IsExtent(int32_t value) { return value >= 1 && value <= kMaxExtent; }

// Half-open range of outputs.
struct Range {
  int32_t begin;
  int32_t end;
};

// The outputs in [0, outputs) whose tap at `offset` (tap * dilation) falls inside [0, inputs).
inline Range OutputsInside(int32_t outputs, int32_t inputs, int32_t stride, int32_t padding,
                           int32_t offset) {
  // output * stride - padding + offset must lie in [0, inputs).
  const int32_t first = padding - offset;
  const int32_t last = inputs - 1 + padding - offset;
  const int32_t begin = first <= 0 ? 0 : (first + stride - 1) / stride;
  const int32_t end = last < 0 ? 0 : last / stride + 1;
  return {begin, end < outputs ? end : outputs};
}

// The output whose tap at `offset` (tap * dilation) falls on `input`, or -1 if none does.
inline int32_t OutputReaching(int32_t input, int32_t outputs, int32_t stride, int32_t padding,
                              int32_t offset) {
  const int32_t distance = input + padding - offset;
  const int32_t output = distance / stride;
  if (distance < 0 || output * stride != distance || output >= outputs) return -1;
  return output;
}

// The output of a transposed layer that its tap at `offset` joins with `input`, or -1 if that lies
// outside.
inline int32_t TransposedOutput(int32_t input, int32_t outputs, int32_t stride, int32_t padding,
                                int32_t offset) {
  const int32_t output = input * stride - padding + offset;
  return output >= 0 && output < outputs ? output : -1;
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_GEOMETRY_H_
