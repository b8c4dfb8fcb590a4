#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/geometry.h"
#include "kernels/core/gradient.h"
#include "kernels/core/random.h"
#include "kernels/core/requantize.h"
#include "kernels/core/split_filter.h"
#include "kernels/core/weight_update.h"

namespace tflm_training {
namespace {

TEST(FixedPoint, BitsIsTheSmallestPowerAbove) {
  EXPECT_EQ(Bits(0), 0);
  EXPECT_EQ(Bits(UINT64_MAX), 64);
  for (int b = 1; b < 64; ++b) {
    EXPECT_EQ(Bits(uint64_t{1} << (b - 1)), b);
    EXPECT_EQ(Bits((uint64_t{1} << b) - 1), b);
  }
}

TEST(FixedPoint, RoundingShiftRoundsHalfUp) {
  EXPECT_EQ(RoundingShift(5, 1), 3);
  EXPECT_EQ(RoundingShift(-5, 1), -2);
  EXPECT_EQ(RoundingShift(-7, 2), -2);
  EXPECT_EQ(RoundingShift(-7, 0), -7);
  EXPECT_EQ(RoundingShift(int64_t{1} << 62, 62), 1);
}

TEST(FixedPoint, RoundingShift32NeverWraps) {
  for (const int32_t value : {INT32_MIN, INT32_MIN + 1, -5, -1, 0, 1, 5, 1 << 30, INT32_MAX}) {
    for (int shift = 0; shift <= 40; ++shift) {
      EXPECT_EQ(RoundingShift32(value, shift), RoundingShift(value, shift))
          << value << " >> " << shift;
    }
  }
}

TEST(FixedPoint, SaturateIsSymmetric) {
  EXPECT_EQ(Saturate(INT64_MIN, 15), -32767);
  EXPECT_EQ(Saturate(INT64_MAX, 15), 32767);
  EXPECT_EQ(Saturate(-2, 1), -1);
}

TEST(FixedPoint, PowerOfTwoStaysNormal) {
  for (int exponent = -126; exponent <= 127; ++exponent) {
    EXPECT_EQ(PowerOfTwo(exponent), std::ldexp(1.0f, exponent));
  }
  EXPECT_EQ(PowerOfTwo(-1000), std::ldexp(1.0f, -126));
  EXPECT_EQ(PowerOfTwo(1000), std::ldexp(1.0f, 127));
}

TEST(FixedPoint, Log2HasSixteenFractionBits) {
  EXPECT_EQ(Log2Q16(1), 0);
  EXPECT_EQ(Log2Q16(1u << 31), 31 << 16);
  for (const uint32_t value : {2u, 3u, 10u, 65535u, 1000000007u, UINT32_MAX}) {
    const double exact = std::log2(static_cast<double>(value)) * 65536;
    EXPECT_NEAR(Log2Q16(value), exact, 1.5) << value;
  }
}

TEST(Factor, IsExact) {
  for (const float value : {1e-9f, 1.0f / 3, 0.5f, 1.0f, 12345.678f, 3e38f}) {
    const Factor factor = DecomposeFactor(value);
    EXPECT_GE(factor.multiplier, 1 << 30);
    EXPECT_EQ(std::ldexp(static_cast<float>(factor.multiplier), -32 - factor.shift), value);
    EXPECT_TRUE(factor.trains());
  }
}

TEST(Factor, WhatIsNoFactorDoesNotTrain) {
  for (const float value : {0.0f, -0.0f, -1.0f, -INFINITY, NAN, -NAN, 1e-40f, 1e-30f}) {
    EXPECT_FALSE(DecomposeFactor(value).trains()) << value;
  }
  EXPECT_LT(DecomposeFactor(INFINITY).shift,
            DecomposeFactor(std::numeric_limits<float>::max()).shift);
}

TEST(ActivationMask, BitsHideWhatTheActivationHides) {
  const int8_t saved[] = {-128, -127, 0, 99, 100, 127, -128, 5, 6, -128, 7};
  constexpr int32_t kCount = 11;
  uint8_t bits[2] = {0xFF, 0xFF};
  WriteMaskBits(saved, kCount, -128, 100, bits);
  EXPECT_EQ(MaskBytes(kCount), 2);
  EXPECT_EQ(bits[1] >> 3, 0);  // unused bits
  for (int32_t i = 0; i < kCount; ++i) {
    EXPECT_EQ((ActivationMask{nullptr, 0, 0, bits}.Hides(i)),
              (ActivationMask{saved, -128, 100}.Hides(i)));
  }
}

TEST(ActivationMask, NoneHidesNothing) {
  EXPECT_FALSE((ActivationMask{nullptr, -128, 127}.Hides(0)));
  EXPECT_EQ(MaskBytes(-1), -1);
}

TEST(Mantissas, BothTypes) {
  int8_t narrow[] = {-127, 5};
  int16_t wide[] = {-32767, 5};
  EXPECT_EQ(Mantissas(narrow)[0], -127);
  EXPECT_EQ((Mantissas(narrow) + 1)[0], 5);
  EXPECT_EQ((Mantissas(wide) + 1)[0], 5);
  MutableMantissas(wide).Set(1, 32767);
  MutableMantissas(narrow).Set(1, 127);
  EXPECT_EQ(Mantissas(wide)[1], 32767);
  EXPECT_EQ(Mantissas(narrow)[1], 127);
  MutableMantissas(wide).SetZero(1);
  EXPECT_EQ(wide[0], 0);
  EXPECT_EQ(wide[1], 32767);
}

TEST(SplitFilter, PartsCoverAllChannels) {
  const int8_t weights[] = {0};
  int32_t channels = 0;
  for (const FilterPart& part : SplitFilter(weights, weights, 2, 5)) {
    EXPECT_EQ(part.begin, channels);
    channels += part.channels();
  }
  EXPECT_EQ(channels, 5);
  for (const FilterPart& part : SplitFilter(weights, nullptr, 0, 5)) {
    EXPECT_EQ(part.channels(), 5);
  }
}

TEST(Requantize, RoundsTwice) {
  // 2^30 and a shift of 1 are a factor of 1; halves of the first rounding go up, those of
  // the second away from zero.
  EXPECT_EQ(MultiplyByQuantizedMultiplier(-7, 1 << 30, 1), -7);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(5, 1 << 30, 0), 3);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(-5, 1 << 30, 0), -2);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(-10, 1 << 30, -1), -3);  // -5 / 2
  EXPECT_EQ(MultiplyByQuantizedMultiplier(10, 1 << 30, -1), 3);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(INT32_MIN, INT32_MAX, -31), -1);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(INT32_MAX, INT32_MAX, 0), INT32_MAX - 1);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(123, 0, -31), 0);
}

TEST(Random, IsMarsagliasXorshift) {
  Random random(2463534242u);  // the seed of the paper, which gives its first number
  EXPECT_EQ(random.Next(), 723471715u);
  Random zero(0), one(1);
  EXPECT_EQ(zero.Next(), one.Next());
}

TEST(WeightUpdate, StepStaysWithinTheClampAtEveryShift) {
  Random random(1);
  for (int shift = 1; shift <= Factor::kMaxShift; ++shift) {
    for (const int32_t acc : {INT32_MIN, -1, 0, 1, INT32_MAX}) {
      const Factor factor = {INT32_MAX, shift};
      const int32_t step = Step(acc, factor, 127, &random);
      EXPECT_LE(std::abs(step), 127);
      EXPECT_TRUE(acc != 0 || step == 0);
    }
  }
}

TEST(GradientScale, ForeignMaximaAreBroughtIntoRange) {
  for (const float value : {0.0f, 0.5f, -3.0f, NAN}) {
    const float tensor[2] = {1.0f, value};
    EXPECT_EQ(ReadGradientScale(tensor).max_abs, 0);
  }
  const float tensor[2] = {1.0f, INFINITY};
  EXPECT_EQ(ReadGradientScale(tensor).max_abs, 32767);
}

TEST(Geometry, ElementsRefusesOverflow) {
  EXPECT_EQ(Elements(3, 5, 7), 105);
  EXPECT_EQ(Elements(46341, 46341), -1);
  EXPECT_EQ(Elements(INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX), -1);
  EXPECT_EQ(Elements(2, -1), -1);
}

// Both searches against the definition output * stride - padding + offset = input.
TEST(Geometry, OutputsAndInputsFindEachOther) {
  constexpr int kOutputs = 5;
  constexpr int kInputs = 7;
  for (int stride = 1; stride <= 3; ++stride) {
    for (int padding = 0; padding <= 9; ++padding) {
      for (int offset = 0; offset <= 9; ++offset) {
        const Range range = OutputsInside(kOutputs, kInputs, stride, padding, offset);
        for (int output = 0; output < kOutputs; ++output) {
          const int input = output * stride - padding + offset;
          const bool inside = input >= 0 && input < kInputs;
          EXPECT_EQ(output >= range.begin && output < range.end, inside);
          if (inside) {
            EXPECT_EQ(OutputReaching(input, kOutputs, stride, padding, offset), output);
          }
        }
        int reached = 0;
        for (int input = 0; input < kInputs; ++input) {
          reached += OutputReaching(input, kOutputs, stride, padding, offset) >= 0 ? 1 : 0;
        }
        EXPECT_EQ(reached, range.end > range.begin ? range.end - range.begin : 0);
      }
    }
  }
}

}  // namespace
}  // namespace tflm_training
