// The writers of rows for the DSP extension against those that write one element at a time.
#include "kernels/core/gradient_row.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/core/mask_bits_dsp.h"
#include "kernels/core/test_contents.h"

namespace tflm_training {
namespace {

constexpr int32_t kRows = 3;

template <typename Mantissa>
struct Written {
  std::vector<Mantissa> mantissas;
  int32_t max_abs = 0;

  bool operator==(const Written& other) const {
    return mantissas == other.mantissas && max_abs == other.max_abs;
  }
};

template <typename Writer, typename Mantissa>
Written<Mantissa> Shift(std::vector<int32_t> sums, int shift, const ActivationMask& mask,
                        int bits) {
  Written<Mantissa> written = {std::vector<Mantissa>(sums.size(), Mantissa{-5})};
  Writer writer(written.mantissas.data(), mask, bits);
  const auto length = static_cast<int32_t>(sums.size()) / kRows;
  for (int32_t row = 0; row < length * kRows; row += length) {
    writer.WriteShifted(row, sums.data() + row, length, shift);
  }
  written.max_abs = writer.max_abs();
  return written;
}

template <typename Writer, typename Mantissa>
Written<Mantissa> Copy(const std::vector<Mantissa>& from, const ActivationMask& mask) {
  Written<Mantissa> written = {std::vector<Mantissa>(from.size(), Mantissa{-5})};
  Writer writer(written.mantissas.data(), mask, 7);
  const auto length = static_cast<int32_t>(from.size()) / kRows;
  for (int32_t row = 0; row < length * kRows; row += length) {
    writer.Copy(row, from.data() + row, length);
  }
  written.max_abs = writer.max_abs();
  return written;
}

template <typename Writer, typename Mantissa>
Written<Mantissa> Mask(const std::vector<Mantissa>& from, const ActivationMask& mask) {
  Written<Mantissa> written = {from};
  Writer writer(written.mantissas.data(), mask, 7);
  writer.Mask(static_cast<int32_t>(from.size()));
  written.max_abs = writer.max_abs();
  return written;
}

template <typename Mantissa>
void Compare(uint32_t seed) {
  constexpr int32_t kLargest = sizeof(Mantissa) == 1 ? 127 : 32767;
  TestContents random(seed);
  const int32_t elements = kRows * random.OneOf({1, 21, 24, 36, 300});
  const ActivationMask mask = random.Mask(elements);
  const int bits = random.Between(1, sizeof(Mantissa) == 1 ? 7 : 15);
  const int shift = random.Between(0, random.OneOf({3, 20, 40}));
  const int32_t largest = random.OneOf({100, 32768, 1 << 20, INT32_MAX});
  const auto sums = random.Vector<int32_t>(elements, -largest - 1, largest);
  ASSERT_TRUE((Shift<QuadRowWriter, Mantissa>(sums, shift, mask, bits) ==
               Shift<PlainRowWriter, Mantissa>(sums, shift, mask, bits)));
  const auto mantissas = random.Vector<Mantissa>(elements, -kLargest, kLargest);
  ASSERT_TRUE((Copy<QuadRowWriter>(mantissas, mask) == Copy<PlainRowWriter>(mantissas, mask)));
  ASSERT_TRUE((Mask<QuadRowWriter>(mantissas, mask) == Mask<PlainRowWriter>(mantissas, mask)));
}

TEST(QuadRowWriter, IsThePlainOne) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(Compare<int8_t>(seed));
    ASSERT_NO_FATAL_FAILURE(Compare<int16_t>(seed));
  }
}

TEST(WriteMaskBitsDsp, IsThePlainOne) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    TestContents random(seed);
    const int32_t elements = random.Between(0, 40);
    const auto values = random.Vector<int8_t>(elements, -128, 127);
    const int32_t low = random.OneOf({-1000, -129, -128, -3, 126, 127, 1000});
    const int32_t high = random.OneOf({-1000, -128, -127, 5, 127, 128, 1000});
    std::vector<uint8_t> expected(static_cast<size_t>(MaskBytes(elements)) + 1, 0xAA);
    std::vector<uint8_t> bits = expected;
    WriteMaskBits(values.data(), elements, low, high, expected.data());
    WriteMaskBitsDsp(values.data(), elements, low, high, bits.data());
    ASSERT_EQ(bits, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tflm_training
