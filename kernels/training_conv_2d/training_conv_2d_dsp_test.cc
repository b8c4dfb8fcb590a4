// The kernel for the DSP extension, its instructions emulated, against the reference: every bit,
// for random layers.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/core/training_conv_test_contents.h"
#include "kernels/training_conv_2d/training_conv_2d.h"

namespace tflm_training {

// training_conv_2d_dsp.cc under another name, see bazel/kernel.bzl.
decltype(TrainingConv2D) TrainingConv2DDsp;

namespace {

void Compare(const ConvGeometry& g, TestContents& random) {
  const int32_t rows = g.filter_height * g.filter_width * g.output_channels;
  const TrainingConvContents contents(g, g.input_channels, rows, random);
  const std::vector<int8_t> expected = contents.Run(TrainingConv2D);
  ASSERT_EQ(contents.Run(TrainingConv2DDsp), expected);
  ASSERT_EQ(contents.RunOverlapping(TrainingConv2DDsp), expected);
}

TEST(TrainingConv2DDsp, IsTheReference) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestContents random(seed);
    const int32_t most = random.OneOf({3, 9, 40});
    ASSERT_NO_FATAL_FAILURE(Compare(random.Geometry(most, 0), random));
  }
}

// input height, width, channels; filter height, width; output height, width, channels; strides;
// dilations; paddings.
const ConvGeometry kLayers[] = {
    {1, 1, 600, 1, 1, 1, 1, 35, 1, 1, 1, 1, 0, 0},  // fully connected
    {1, 1, 18, 1, 1, 1, 1, 150, 1, 1, 1, 1, 0, 0},  // fully connected, more outputs than wait
    {2, 1, 1100, 1, 1, 2, 1, 3, 1, 1, 1, 1, 0, 0},  // single pixels in two pieces
    {3, 3, 150, 1, 1, 3, 3, 70, 1, 1, 1, 1, 0, 0},  // pointwise, rows of 3, several pieces
    {7, 5, 32, 1, 1, 7, 5, 40, 1, 1, 1, 1, 0, 0},  // pointwise, rows of 5
    {6, 6, 64, 1, 1, 6, 6, 70, 1, 1, 1, 1, 0, 0},  // pointwise, both parts spread once
    {3, 3, 128, 1, 1, 3, 3, 40, 1, 1, 1, 1, 0, 0},  // the same, as many inputs as there is room for
    {3, 3, 127, 1, 1, 3, 3, 40, 1, 1, 1, 1, 0, 0},
    {5, 1, 30, 1, 1, 5, 1, 9, 1, 2, 1, 1, 0, 0},  // a stride that a column does not have
    {4, 5, 6, 1, 1, 4, 5, 50, 1, 1, 1, 1, 0, 0},  // pointwise, more outputs than inputs
    {17, 17, 3, 3, 3, 8, 8, 16, 2, 2, 1, 1, 0, 0},  // image
    {6, 7, 40, 3, 3, 6, 7, 36, 1, 1, 1, 1, 1, 1},  // three by three
};

TEST(TrainingConv2DDsp, IsTheReferenceForLayersOfModels) {
  for (const ConvGeometry& layer : kLayers) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      TestContents random(seed);
      ASSERT_NO_FATAL_FAILURE(Compare(layer, random));
    }
  }
}

}  // namespace
}  // namespace tflm_training
