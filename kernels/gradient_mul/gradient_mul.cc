#include "kernels/gradient_mul/gradient_mul.h"

#include <cstring>

#include "kernels/core/accumulate.h"
#include "kernels/core/fixed_point.h"
#include "kernels/core/gradient_row.h"

namespace tflm_training {
namespace {

// The products that make the gradient of one operand, and their sums.
class Products {
 public:
  Products(const GradientMulOptions& options, Mantissas gradient, const int8_t* other)
      : options_(options), gradient_(gradient), other_(other == nullptr ? &kZero : other) {
    int32_t size = 1;
    int32_t other_size = 1;
    for (int i = 3; i >= 0; --i) {
      const int32_t dim = options.dims[i];
      const bool reduced = options.reduced[i] != 0;
      const bool repeated = other == nullptr || options.repeated[i] != 0;
      kept_[i] = reduced ? 1 : dim;
      terms_[i] = reduced ? dim : 1;
      stride_[i] = size;
      other_stride_[i] = repeated ? 0 : other_size;
      size *= dim;
      other_size *= repeated ? 1 : dim;
    }
  }

  // Whether several products are summed for one element.
  bool are_summed() const { return terms_[0] * terms_[1] * terms_[2] * terms_[3] != 1; }

  // Calls visit(index, acc, count) for every block of neighbours among the operand's elements, in
  // ascending order: from element `index` on, `count` of them have the sums acc, int32 [count].
  template <typename Visit>
  void ForEach(Visit visit) const {
    int32_t index = 0;
    for (int32_t a = 0; a < kept_[0]; ++a) {
      for (int32_t b = 0; b < kept_[1]; ++b) {
        for (int32_t c = 0; c < kept_[2]; ++c) {
          const Position row = At({0, 0}, a, b, c);
          for (int32_t d = 0; d < kept_[3]; d += kChannelBlock) {
            const int32_t count = Min(kChannelBlock, kept_[3] - d);
            int32_t acc[kChannelBlock];
            memset(acc, 0, static_cast<size_t>(count) * sizeof(acc[0]));
            SumBlock({row.gradient + d, row.other + d * other_stride_[3]}, count, acc);
            visit(index, acc, count);
            index += count;
          }
        }
      }
    }
  }

 private:
  struct Position {
    int32_t gradient;
    int32_t other;
  };

  static constexpr int8_t kZero = 0;

  Position At(Position from, int32_t a, int32_t b, int32_t c) const {
    return {from.gradient + a * stride_[0] + b * stride_[1] + c * stride_[2],
            from.other + a * other_stride_[0] + b * other_stride_[1] + c * other_stride_[2]};
  }

  // Adds the terms of `count` neighbours, the first of them at `first`, to acc.
  void SumBlock(Position first, int32_t count, int32_t* acc) const {
    for (int32_t a = 0; a < terms_[0]; ++a) {
      for (int32_t b = 0; b < terms_[1]; ++b) {
        for (int32_t c = 0; c < terms_[2]; ++c) {
          const Position row = At(first, a, b, c);
          if (gradient_.is_int8()) {
            AddRow(gradient_.int8() + row.gradient, other_ + row.other, count, acc);
          } else {
            AddRow(gradient_.int16() + row.gradient, other_ + row.other, count, acc);
          }
        }
      }
    }
  }

  // A row along the innermost dimension: `count` elements, or all terms of one.
  template <typename T>
  void AddRow(const T* gradient, const int8_t* other, int32_t count, int32_t* acc) const {
    const int32_t zero_point = options_.zero_point;
    const int32_t other_step = other_stride_[3];
    const int32_t acc_step = options_.reduced[3] != 0 ? 0 : 1;
    const int32_t terms = count * terms_[3];
    for (int32_t i = 0; i < terms; ++i) {
      *acc += gradient[i] * (*other - zero_point);
      acc += acc_step;
      other += other_step;
    }
  }

  const GradientMulOptions& options_;
  Mantissas gradient_;
  const int8_t* other_;
  int32_t kept_[4];   // extents of the operand
  int32_t terms_[4];  // extents of what is summed for one of its elements
  int32_t stride_[4];
  int32_t other_stride_[4];
};

// The largest |sum|, or for single products a bound of it.
uint32_t Bound(const GradientMulOptions& options, const Products& products, int32_t max_abs,
               bool has_other) {
  if (!products.are_summed()) {
    const int32_t z = options.zero_point;
    const int32_t factor = has_other ? Max(127 - z, z + 128) : Max(z, -z);
    return static_cast<uint32_t>(max_abs * factor);
  }
  uint32_t largest = 0;
  products.ForEach([&largest](int32_t, const int32_t* acc, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      const auto sum = static_cast<uint32_t>(acc[i]);
      const uint32_t size = acc[i] < 0 ? 0u - sum : sum;
      if (size > largest) largest = size;
    }
  });
  return largest;
}

}  // namespace

GradientScale GradientMul(const GradientMulOptions& options, Mantissas gradient,
                          GradientScale scale, const int8_t* other, ActivationMask mask,
                          MutableMantissas result) {
  if (scale.max_abs == 0) return {0.0f, 0};
  const Products products(options, gradient, other);
  const uint32_t bound = Bound(options, products, scale.max_abs, other != nullptr);
  const int shift = Max(0, Bits(bound) - options.gradient_bits);
  GradientRowWriter writer(result, mask, options.gradient_bits);
  products.ForEach([&writer, shift](int32_t index, int32_t* acc, int32_t count) {
    writer.WriteShifted(index, acc, count, shift);
  });
  return {(scale.sigma * options.scale_factor) * PowerOfTwo(shift), writer.max_abs()};
}

}  // namespace tflm_training
