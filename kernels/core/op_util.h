// What every training operator checks in Prepare, so that no model, however wrong, makes
// Eval read or write outside its tensors.
#ifndef KERNELS_CORE_OP_UTIL_H_
#define KERNELS_CORE_OP_UTIL_H_

#include <cstdint>

#include "kernels/core/geometry.h"
#include "kernels/core/gradient.h"
#include "kernels/core/tflm.h"

namespace tflm_training {

// Checks one node. The first check that fails logs one line ("CONV_2D_INPUT_GRAD: ...");
// the later ones do nothing. It allocates nothing that outlives a call.
//
//   OpCheck check(context, node, "CONV_2D_INPUT_GRAD");
//   const Conv2DInputGradOptions* options = check.Options<Conv2DInputGradOptions>();
//   if (options == nullptr) return kTfLiteError;
//   check.Counts(5, 2);
//   check.Input(0, kTfLiteInt16, Elements(height, width, channels));
//   check.Require(options->clamp >= 1, "clamp");
//   return check.status();
class OpCheck {
 public:
  OpCheck(TfLiteContext* context, TfLiteNode* node, const char* op)
      : context_(context), node_(node), op_(op) {}

  // The options in place in the flatbuffer, or nullptr if their version, length or
  // alignment is wrong. `T` is made of 32-bit words, has `int32_t version` first and a
  // constant `kVersion`.
  template <typename T>
  const T* Options() {
    return static_cast<const T*>(RawOptions(sizeof(T), T::kVersion));
  }

  void Counts(int expected_inputs, int expected_outputs);

  // A list that the flatbuffer leaves out counts as empty.
  int inputs() const { return node_->inputs == nullptr ? 0 : node_->inputs->size; }
  int outputs() const { return node_->outputs == nullptr ? 0 : node_->outputs->size; }

  // The tensor must be there, of `type`, and hold `elements` elements. An `elements` of -1,
  // which Elements() gives on overflow, fails. Dims are free: FULLY_CONNECTED is 2-D.
  void Input(int index, TfLiteType type, int32_t elements);
  void OptionalInput(int index, TfLiteType type, int32_t elements);
  // As Input; fails unless the tensor is a constant in flash.
  void ConstantInput(int index, TfLiteType type, int32_t elements);
  // As Input; a constant in flash fails.
  void WritableInput(int index, TfLiteType type, int32_t elements);
  void Output(int index, TfLiteType type, int32_t elements);

  // A float32 input of `channels` elements or of one for all; IsPerChannel tells which.
  void ChannelInput(int index, int32_t channels);

  // The pair of gradient (int16, `elements`) and gradient_scale (float32 [2]).
  void GradientInput(int index, int32_t elements);
  void GradientOutput(int index, int32_t elements);

  void GradientBits(int32_t bits) {
    Require(bits >= 1 && bits <= kMaxGradientBits, "gradient_bits");
  }

  // Fails with "<op>: bad <what>" if `condition` does not hold.
  void Require(bool condition, const char* what);

  TfLiteStatus status() const { return status_; }

 private:
  enum class Kind { kInput, kChannelInput, kConstantInput, kWritableInput, kOutput };

  static bool SizeMatches(Kind kind, size_t actual, int32_t elements);

  const void* RawOptions(size_t length, int32_t version);
  void Tensor(Kind kind, int index, TfLiteType type, int32_t elements);

  TfLiteContext* context_;
  TfLiteNode* node_;
  const char* op_;
  TfLiteStatus status_ = kTfLiteOk;
};

// The options of a node that passed OpCheck. For Eval.
template <typename T>
const T& GetOptions(const TfLiteNode* node) {
  return *static_cast<const T*>(node->custom_initial_data);
}

// True where input `index` holds one element for each channel rather than one for all.
inline bool IsPerChannel(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteIntArray* dims = GetEvalInput(context, node, index)->dims;
  for (int i = 0; i < dims->size; ++i) {
    if (dims->data[i] > 1) return true;
  }
  return false;
}

}  // namespace tflm_training

#endif  // KERNELS_CORE_OP_UTIL_H_
