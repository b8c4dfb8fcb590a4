// The mantissas of a gradient: int16, or int8 where memory is scarcer than precision. Which
// of the two is known at run time, so that every kernel exists once; loops over rows decide
// once a row, in accumulate.h.
#ifndef KERNELS_CORE_MANTISSAS_H_
#define KERNELS_CORE_MANTISSAS_H_

#include <cstdint>
#include <cstring>

#include "kernels/core/dsp.h"

namespace tflm_training {

// Mantissas that are read. A pointer with a type, and converts from either.
class Mantissas {
 public:
  Mantissas(const int16_t* values) : Mantissas(values, false) {}
  Mantissas(const int8_t* values) : Mantissas(values, true) {}
  Mantissas(const void* values, bool is_int8) : values_(values), is_int8_(is_int8) {}

  int32_t operator[](int32_t index) const {
    return is_int8_ ? int32_t{int8()[index]} : int32_t{int16()[index]};
  }
  Mantissas operator+(int32_t index) const {
    return {int8() + intptr_t{index} * (is_int8_ ? 1 : 2), is_int8_};
  }

  bool is_int8() const { return is_int8_; }
  const int8_t* int8() const { return static_cast<const int8_t*>(values_); }
  const int16_t* int16() const { return static_cast<const int16_t*>(values_); }

 private:
  const void* values_;
  bool is_int8_;
};

// Mantissas that are written.
class MutableMantissas {
 public:
  MutableMantissas(int16_t* values) : MutableMantissas(values, false) {}
  MutableMantissas(int8_t* values) : MutableMantissas(values, true) {}
  MutableMantissas(void* values, bool is_int8) : values_(values), is_int8_(is_int8) {}
  operator Mantissas() const { return {values_, is_int8_}; }

  int32_t operator[](int32_t index) const {
    return is_int8_ ? int32_t{int8()[index]} : int32_t{int16()[index]};
  }
  MutableMantissas operator+(int32_t index) const {
    return {int8() + intptr_t{index} * (is_int8_ ? 1 : 2), is_int8_};
  }
  // `mantissa` must fit the type.
  void Set(int32_t index, int32_t mantissa) const {
    if (is_int8_) {
      int8()[index] = static_cast<int8_t>(mantissa);
    } else {
      int16()[index] = static_cast<int16_t>(mantissa);
    }
  }
  // Four from `index` on, given as [m0, m2] and [m1, m3], two int16 to a word.
  void Set4(int32_t index, uint32_t m02, uint32_t m13) const {
    if (is_int8_) {
      StoreWord(int8() + index, Uxtb16(m02) | Uxtb16(m13) << 8);
    } else {
      StoreWord(int16() + index, PkhbtLsl16(m02, m13));
      StoreWord(int16() + index + 2, PkhtbAsr16(m13, m02));
    }
  }
  void SetZero(int32_t count) const {
    memset(values_, 0, static_cast<size_t>(count) * (is_int8_ ? 1 : 2));
  }

  // The most bits of a mantissa, without the sign.
  int max_bits() const { return is_int8_ ? 7 : 15; }

  bool is_int8() const { return is_int8_; }
  int8_t* int8() const { return static_cast<int8_t*>(values_); }
  int16_t* int16() const { return static_cast<int16_t*>(values_); }

 private:
  void* values_;
  bool is_int8_;
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_MANTISSAS_H_
