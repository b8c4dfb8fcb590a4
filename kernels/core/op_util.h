// What every training operator checks in Prepare, so that no model, however wrong, makes
// Eval read or write outside its tensors.
#ifndef KERNELS_CORE_OP_UTIL_H_
#define KERNELS_CORE_OP_UTIL_H_

#include <cstdint>

#include "kernels/core/geometry.h"
#include "kernels/core/gradient.h"
#include "kernels/core/tflm.h"

namespace tflm_training {

// Words of the options, `version` being word 0, that must lie in low..high; without an upper
// limit where high is below low.
struct Bound {
  uint8_t first;
  uint8_t count;
  int16_t low;
  int16_t high;
};

// Whether an optional input is there.
inline bool HasInput(const TfLiteNode* node, int index) { return node->inputs->data[index] >= 0; }

// Checks one node. The first check that fails logs one line ("bad geometry"), after which TFLM logs
// which node it was; the later ones do nothing. It allocates nothing that outlives a call.
//
//   OpCheck check(context, node);
//   static constexpr Bound kBounds[] = {{3, 1, 1, 127}};  // clamp
//   const auto* options = check.Options<Conv2DInputGradOptions>(kBounds);
//   if (options == nullptr) return kTfLiteError;
//   check.Counts(5, 2);
//   check.Input(0, kTfLiteInt16, Elements(height, width, channels));
//   check.Require(options->size <= options->limit, "size");
//   return check.status();
class OpCheck {
 public:
  OpCheck(TfLiteContext* context, TfLiteNode* node) : context_(context), node_(node) {}

  // The options in place in the flatbuffer, or nullptr if their version, length or
  // alignment is wrong. `T` is made of 32-bit words, has `int32_t version` first and a
  // constant `kVersion`.
  template <typename T>
  const T* Options() {
    return static_cast<const T*>(RawOptions(RecordOf<T>(), nullptr, 0));
  }

  // The same; nullptr also unless the options keep to all bounds ("option <word> is out of range").
  template <typename T, int kCount>
  const T* Options(const Bound (&bounds)[kCount]) {
    return static_cast<const T*>(RawOptions(RecordOf<T>(), bounds, kCount));
  }

  // Further bounds of the options.
  template <int kCount>
  void Bounds(const Bound (&bounds)[kCount]) {
    CheckBounds(bounds, kCount);
  }

  void Counts(int expected_inputs, int expected_outputs);

  // A list that the flatbuffer leaves out counts as empty.
  int inputs() const { return node_->inputs == nullptr ? 0 : node_->inputs->size; }
  int outputs() const { return node_->outputs == nullptr ? 0 : node_->outputs->size; }

  // The tensor must be there, of `type`, and hold `elements` elements. An `elements` of -1,
  // which Elements() gives on overflow, fails. Dims are free: FULLY_CONNECTED is 2-D.
  // uint8 is a bit mask for so many elements.
  void Input(int index, TfLiteType type, int32_t elements) { Tensor(0, type, index, elements); }
  void OptionalInput(int index, TfLiteType type, int32_t elements) {
    Tensor(kOptional, type, index, elements);
  }
  // As Input; fails unless the tensor is a constant in flash.
  void ConstantInput(int index, TfLiteType type, int32_t elements) {
    Tensor(kConstant, type, index, elements);
  }
  // As Input; a constant in flash fails.
  void WritableInput(int index, TfLiteType type, int32_t elements) {
    Tensor(kWritable, type, index, elements);
  }
  void OptionalWritableInput(int index, TfLiteType type, int32_t elements) {
    Tensor(kOptional | kWritable, type, index, elements);
  }
  void Output(int index, TfLiteType type, int32_t elements) {
    Tensor(kOutput, type, index, elements);
  }

  // A variable, input `index` + 1, which may be updated, and its initial value, input `index`: a
  // constant of the same type and size, or absent.
  void InitialValue(int index);

  // A float32 input of `channels` elements or of one for all; IsPerChannel tells which.
  void ChannelInput(int index, int32_t channels) {
    Tensor(kOneForAll, kTfLiteFloat32, index, channels);
  }
  // The same of any type; fails unless the tensor is a constant in flash.
  void ChannelConstant(int index, TfLiteType type, int32_t channels) {
    Tensor(kOneForAll | kConstant, type, index, channels);
  }

  // The pair of gradient (int16 or int8, `elements`) and gradient_scale (float32 [2]). All
  // gradients of a node have the type of the first that is checked.
  void GradientInput(int index, int32_t elements) { Gradient(Indexed(0, index), elements); }
  void GradientOutput(int index, int32_t elements) {
    Gradient(Indexed(kOutput, index), elements);
  }

  // Bits that the type of the gradients can hold; after one of them was checked.
  void GradientBits(int32_t bits);

  // A mask for `elements` elements: a saved activation, int8, or a bit mask, uint8. It may
  // be absent.
  void MaskInput(int index, int32_t elements);

  // Whether an optional input is there; false after a failed check.
  bool Has(int index) const;

  // Fails with "bad <what>" if `condition` does not hold.
  void Require(bool condition, const char* what) {
    if (!condition) Reject(what);
  }

  TfLiteStatus status() const { return status_; }

 private:
  // A tensor in one word, so that a check takes two arguments, and a small one, which costs least
  // flash: its type in bits 0 to 4, what is special about it (none of these is an input that must
  // be there) and its index from bit 10 on.
  using Spec = uint32_t;
  static constexpr Spec kTypeMask = 31;
  static constexpr Spec kOutput = 1 << 5;
  static constexpr Spec kOptional = 1 << 6;
  static constexpr Spec kConstant = 1 << 7;
  static constexpr Spec kWritable = 1 << 8;
  static constexpr Spec kOneForAll = 1 << 9;
  static constexpr int kIndexShift = 10;
  static constexpr Spec kNextIndex = 1 << kIndexShift;

  static constexpr Spec Typed(Spec spec, TfLiteType type) {
    return spec | static_cast<Spec>(type);
  }
  static constexpr Spec Indexed(Spec spec, int index) {
    return spec | static_cast<Spec>(index) << kIndexShift;
  }
  void Tensor(Spec spec, TfLiteType type, int index, int32_t elements) {
    Tensor(Indexed(Typed(spec, type), index), elements);
  }

  // What options must be: their length in bytes from bit 8 on, and their version.
  template <typename T>
  static constexpr uint32_t RecordOf() {
    static_assert(T::kVersion < 256, "");
    return static_cast<uint32_t>(sizeof(T)) << 8 | static_cast<uint32_t>(T::kVersion);
  }
  const void* RawOptions(uint32_t record, const Bound* bounds, int count);
  void CheckBounds(const Bound* bounds, int count);
  void Fail(const char* format, int a, int b);
  void Reject(const char* what);
  TfLiteTensor* AllocateTemp(Spec spec);
  TfLiteType TypeOf(Spec spec, int32_t* elements = nullptr);
  static const char* Fault(Spec spec, const TfLiteTensor& tensor, int32_t elements);
  void Tensor(Spec spec, int32_t elements);
  void Gradient(Spec spec, int32_t elements);

  TfLiteContext* context_;
  TfLiteNode* node_;
  TfLiteType gradient_type_ = kTfLiteNoType;
  TfLiteStatus status_ = kTfLiteOk;
};

// The options of a node that passed OpCheck. For Eval.
template <typename T>
const T& GetOptions(const TfLiteNode* node) {
  return *static_cast<const T*>(node->custom_initial_data);
}

// True where input `index` holds one element for each channel rather than one for all.
bool IsPerChannel(const TfLiteContext* context, const TfLiteNode* node, int index);

// A gradient: mantissas at `index`, its scale at the next index. For Eval.
Mantissas InputMantissas(const TfLiteContext* context, const TfLiteNode* node, int index);
MutableMantissas OutputMantissas(const TfLiteContext* context, const TfLiteNode* node, int index);
GradientScale InputScale(const TfLiteContext* context, const TfLiteNode* node, int index);
void OutputScale(const TfLiteContext* context, const TfLiteNode* node, int index,
                 const GradientScale& scale);

// What MaskInput checked; `low` and `high` apply to a saved activation. For Eval.
ActivationMask InputMask(const TfLiteContext* context, const TfLiteNode* node, int index,
                         int32_t low, int32_t high);

}  // namespace tflm_training

#endif  // KERNELS_CORE_OP_UTIL_H_
