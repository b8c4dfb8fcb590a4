#include "kernels/core/optimize_size.h"

#include "kernels/core/geometry.h"

namespace tflm_training {
namespace {

// a * b, or -1 if one is negative or the product passes int32.
int32_t Product(int32_t a, int32_t b) {
  const int64_t product = int64_t{a} * b;
  return a < 0 || b < 0 || product > INT32_MAX ? -1 : static_cast<int32_t>(product);
}

}  // namespace

int32_t ElementCount(const int32_t* extents, int count) {
  int32_t product = 1;
  for (int i = 0; i < count; ++i) product = Product(product, extents[i]);
  return product;
}

int32_t Elements(int32_t a, int32_t b, int32_t c, int32_t d) {
  const int32_t extents[] = {a, b, c, d};
  return ElementCount(extents, 4);
}

int32_t InputElements(const ConvGeometry& g) {
  return Elements(g.input_height, g.input_width, g.input_channels);
}

int32_t OutputElements(const ConvGeometry& g) {
  return Elements(g.output_height, g.output_width, g.output_channels);
}

}  // namespace tflm_training
