#include "kernels/core/optimize_size.h"

#include "kernels/core/op_util.h"

namespace tflm_training {
namespace {

size_t CountElements(const TfLiteTensor& tensor) {
  switch (tensor.type) {
    case kTfLiteInt8:
    case kTfLiteUInt8:
      return tensor.bytes;
    case kTfLiteInt16:
      return tensor.bytes / 2;
    default:  // float32 and int32 are the only others that training operators take
      return tensor.bytes / 4;
  }
}

}  // namespace

void OpCheck::Fail(const char* format, int a, int b) {
  MicroPrintf(format, a, b);
  status_ = kTfLiteError;
}

const void* OpCheck::RawOptions(uint32_t record, const Bound* bounds, int count) {
  const auto version = static_cast<int32_t>(record & 0xFF);
  const auto length = static_cast<int>(record >> 8);
  const auto* words = static_cast<const int32_t*>(node_->custom_initial_data);
  if (words == nullptr || static_cast<int>(node_->custom_initial_data_size) != length ||
      reinterpret_cast<uintptr_t>(words) % alignof(int32_t) != 0 || *words != version) {
    Fail("options of version %d in %d bytes, 4-byte aligned, expected", version,
         length);
  } else {
    CheckBounds(bounds, count);
  }
  return status_ == kTfLiteOk ? words : nullptr;
}

void OpCheck::CheckBounds(const Bound* bounds, int count) {
  if (status_ != kTfLiteOk) return;
  const auto* words = static_cast<const int32_t*>(node_->custom_initial_data);
  for (; count > 0; --count, ++bounds) {
    const int32_t high = bounds->high < bounds->low ? INT32_MAX : bounds->high;
    for (int word = bounds->first; word < bounds->first + bounds->count; ++word) {
      if (words[word] < bounds->low || words[word] > high) {
        return Fail("option %d is out of range", word, 0);
      }
    }
  }
}

void OpCheck::Counts(int expected_inputs, int expected_outputs) {
  Require(inputs() == expected_inputs && outputs() == expected_outputs,
          "number of inputs or outputs");
}

void OpCheck::Reject(const char* what) {
  if (status_ != kTfLiteOk) return;
  MicroPrintf("bad %s", what);
  status_ = kTfLiteError;
}

bool OpCheck::Has(int index) const {
  return status_ == kTfLiteOk && index < inputs() && HasInput(node_, index);
}

TfLiteTensor* OpCheck::AllocateTemp(Spec spec) {
  MicroContext* micro_context = GetMicroContext(context_);
  const int index = static_cast<int>(spec >> kIndexShift);
  return (spec & kOutput) != 0 ? micro_context->AllocateTempOutputTensor(node_, index)
                               : micro_context->AllocateTempInputTensor(node_, index);
}

TfLiteType OpCheck::TypeOf(Spec spec, int32_t* elements) {
  TfLiteTensor* tensor = status_ == kTfLiteOk ? AllocateTemp(spec) : nullptr;
  if (tensor == nullptr) return kTfLiteNoType;
  const TfLiteType type = tensor->type;
  if (elements != nullptr) *elements = static_cast<int32_t>(CountElements(*tensor));
  GetMicroContext(context_)->DeallocateTempTfLiteTensor(tensor);
  return type;
}

const char* OpCheck::Fault(Spec spec, const TfLiteTensor& tensor, int32_t elements) {
  if (tensor.type != (spec & kTypeMask)) return "of a wrong type";
  if (tensor.type == kTfLiteUInt8) elements = MaskBytes(elements);
  // TFLM's `bytes` is a whole number of elements.
  const size_t actual = CountElements(tensor);
  if (actual != static_cast<size_t>(elements) && !((spec & kOneForAll) != 0 && actual == 1)) return "of a wrong size";
  if (tensor.allocation_type == kTfLiteMmapRo) {
    if ((spec & (kWritable | kOutput)) != 0) return "constant but updated";
  } else if ((spec & kConstant) != 0) {
    return "not a constant";
  }
  return nullptr;
}

void OpCheck::Tensor(Spec spec, int32_t elements) {
  const auto index = static_cast<int>(spec >> kIndexShift);
  if (status_ != kTfLiteOk || ((spec & kOptional) != 0 && !Has(index))) return;
  TfLiteTensor* tensor = AllocateTemp(spec);
  const char* fault = "missing";
  if (tensor != nullptr) {
    fault = Fault(spec, *tensor, elements);
    GetMicroContext(context_)->DeallocateTempTfLiteTensor(tensor);
  }
  if (fault == nullptr) return;
  MicroPrintf("%s %d is %s", (spec & kOutput) != 0 ? "output" : "input", index, fault);
  status_ = kTfLiteError;
}

void OpCheck::InitialValue(int index) {
  int32_t elements = 0;
  const TfLiteType type = TypeOf(Indexed(0, index + 1), &elements);
  // The types whose size CountElements knows and which are not masks.
  Require(type == kTfLiteInt8 || type == kTfLiteInt16 || type == kTfLiteInt32 ||
              type == kTfLiteFloat32,
          "type of a variable");
  WritableInput(index + 1, type, elements);
  Tensor(kOptional | kConstant, type, index, elements);
}

void OpCheck::Gradient(Spec spec, int32_t elements) {
  if (gradient_type_ == kTfLiteNoType) {
    gradient_type_ = TypeOf(spec) == kTfLiteInt8 ? kTfLiteInt8 : kTfLiteInt16;
  }
  Tensor(Typed(spec, gradient_type_), elements);
  Tensor(Typed(spec + kNextIndex, kTfLiteFloat32), 2);
}

void OpCheck::GradientBits(int32_t bits) {
  Require(bits >= 1 && bits <= (gradient_type_ == kTfLiteInt8 ? 7 : 15), "gradient_bits");
}

void OpCheck::MaskInput(int index, int32_t elements) {
  const bool is_bits = TypeOf(Indexed(0, index)) == kTfLiteUInt8;
  OptionalInput(index, is_bits ? kTfLiteUInt8 : kTfLiteInt8, elements);
}

bool IsPerChannel(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteIntArray* dims = GetEvalInput(context, node, index)->dims;
  for (int i = 0; i < dims->size; ++i) {
    if (dims->data[i] > 1) return true;
  }
  return false;
}

Mantissas InputMantissas(const TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  return {tensor->data.data, tensor->type == kTfLiteInt8};
}

MutableMantissas OutputMantissas(const TfLiteContext* context, const TfLiteNode* node, int index) {
  TfLiteEvalTensor* tensor = GetEvalOutput(context, node, index);
  return {tensor->data.data, tensor->type == kTfLiteInt8};
}

GradientScale InputScale(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return ReadGradientScale(InputData<float>(context, node, index));
}

void OutputScale(const TfLiteContext* context, const TfLiteNode* node, int index,
                 const GradientScale& scale) {
  WriteGradientScale(scale, OutputData<float>(context, node, index));
}

ActivationMask InputMask(const TfLiteContext* context, const TfLiteNode* node, int index,
                         int32_t low, int32_t high) {
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  const void* data = tensor == nullptr ? nullptr : tensor->data.data;
  const bool is_bits = tensor != nullptr && tensor->type == kTfLiteUInt8;
  return {is_bits ? nullptr : static_cast<const int8_t*>(data), low, high,
          is_bits ? static_cast<const uint8_t*>(data) : nullptr};
}

}  // namespace tflm_training
