// The kernel for the DSP extension, its instructions emulated, against the reference: every bit,
// for random layers.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/core/training_conv_test_contents.h"
#include "kernels/training_depthwise_conv_2d/training_depthwise_conv_2d.h"

namespace tflm_training {

// training_depthwise_conv_2d_dsp.cc under another name, see bazel/kernel.bzl.
decltype(TrainingDepthwiseConv2D) TrainingDepthwiseConv2DDsp;

namespace {

void Compare(const ConvGeometry& g, TestContents& random) {
  const int32_t rows = g.filter_height * g.filter_width;
  const TrainingConvContents contents(g, g.output_channels, rows, random);
  const std::vector<int8_t> expected = contents.Run(TrainingDepthwiseConv2D);
  ASSERT_EQ(contents.Run(TrainingDepthwiseConv2DDsp), expected);
  ASSERT_EQ(contents.RunOverlapping(TrainingDepthwiseConv2DDsp), expected);
}

TEST(TrainingDepthwiseConv2DDsp, IsTheReference) {
  for (uint32_t seed = 0; seed < 2500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestContents random(seed);
    const int32_t multiplier = random.OneOf({1, 1, 1, 2, 3});
    ASSERT_NO_FATAL_FAILURE(Compare(random.Geometry(21, multiplier), random));
  }
}

// input height, width, channels; filter height, width; output height, width, channels; strides;
// dilations; paddings.
const ConvGeometry kLayers[] = {
    {12, 11, 8, 9, 9, 12, 11, 8, 1, 1, 1, 1, 4, 4},  // filter larger than the fast path takes
    {13, 13, 24, 7, 7, 4, 4, 24, 2, 2, 1, 1, 0, 0},  // seven by seven, stride 2
    {5, 5, 3, 3, 3, 5, 5, 3, 1, 1, 1, 1, 1, 1},  // fewer channels than a group
};

TEST(TrainingDepthwiseConv2DDsp, IsTheReferenceForLayersOfModels) {
  for (const ConvGeometry& layer : kLayers) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      TestContents random(seed);
      ASSERT_NO_FATAL_FAILURE(Compare(layer, random));
    }
  }
}

}  // namespace
}  // namespace tflm_training
