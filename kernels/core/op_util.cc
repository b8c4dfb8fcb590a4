#include "kernels/core/op_util.h"

namespace tflm_training {
namespace {

size_t ElementBytes(TfLiteType type) {
  switch (type) {
    case kTfLiteInt8:
    case kTfLiteUInt8:
      return 1;
    case kTfLiteInt16:
      return 2;
    default:  // float32 and int32 are the only others that training operators take
      return 4;
  }
}

}  // namespace

bool OpCheck::SizeMatches(Kind kind, size_t bytes, size_t element, int32_t elements) {
  if (elements >= 0 && bytes == uint64_t{element} * static_cast<uint32_t>(elements)) return true;
  return (kind == Kind::kChannelInput || kind == Kind::kChannelConstant) && bytes == element;
}

const void* OpCheck::RawOptions(size_t length, int32_t version) {
  const void* options = node_->custom_initial_data;
  const size_t actual = static_cast<size_t>(node_->custom_initial_data_size);
  if (options == nullptr || actual != length ||
      reinterpret_cast<uintptr_t>(options) % alignof(int32_t) != 0) {
    MicroPrintf("%s: custom options of %d bytes, 4-byte aligned, expected", op_,
                static_cast<int>(length));
    status_ = kTfLiteError;
    return nullptr;
  }
  const int32_t actual_version = *static_cast<const int32_t*>(options);
  if (actual_version != version) {
    MicroPrintf("%s: options version %d, expected %d", op_, static_cast<int>(actual_version),
                static_cast<int>(version));
    status_ = kTfLiteError;
    return nullptr;
  }
  return options;
}

void OpCheck::CheckBounds(const Bound* bounds, int count) {
  if (status_ != kTfLiteOk) return;
  const auto* words = static_cast<const int32_t*>(node_->custom_initial_data);
  for (const Bound* bound = bounds; bound != bounds + count; ++bound) {
    for (int word = bound->first; word < bound->first + bound->count; ++word) {
      const bool is_limited = bound->high >= bound->low;
      if (words[word] < bound->low || (is_limited && words[word] > bound->high)) {
        MicroPrintf("%s: option %d is out of range", op_, word);
        status_ = kTfLiteError;
      }
    }
  }
}

void OpCheck::Counts(int expected_inputs, int expected_outputs) {
  Require(inputs() == expected_inputs, "number of inputs");
  Require(outputs() == expected_outputs, "number of outputs");
}

void OpCheck::Require(bool condition, const char* what) {
  if (condition || status_ != kTfLiteOk) return;
  MicroPrintf("%s: bad %s", op_, what);
  status_ = kTfLiteError;
}

TfLiteTensor* OpCheck::AllocateTemp(Kind kind, int index) {
  MicroContext* micro_context = GetMicroContext(context_);
  return kind == Kind::kOutput ? micro_context->AllocateTempOutputTensor(node_, index)
                               : micro_context->AllocateTempInputTensor(node_, index);
}

TfLiteType OpCheck::TypeOf(Kind kind, int index) {
  TfLiteTensor* tensor = status_ == kTfLiteOk ? AllocateTemp(kind, index) : nullptr;
  if (tensor == nullptr) return kTfLiteNoType;
  const TfLiteType type = tensor->type;
  GetMicroContext(context_)->DeallocateTempTfLiteTensor(tensor);
  return type;
}

void OpCheck::Tensor(Kind kind, int index, TfLiteType type, int32_t elements) {
  if (status_ != kTfLiteOk) return;
  TfLiteTensor* tensor = AllocateTemp(kind, index);
  const char* name = kind == Kind::kOutput ? "output" : "input";
  const char* fault = nullptr;
  if (tensor == nullptr) {
    fault = "missing";
  } else if (tensor->type != type) {
    fault = "of a wrong type";
  } else if (!SizeMatches(kind, tensor->bytes, ElementBytes(type), elements)) {
    fault = "of a wrong size";
  } else if ((kind == Kind::kWritableInput || kind == Kind::kOutput) &&
             tensor->allocation_type == kTfLiteMmapRo) {
    fault = "constant but updated";
  } else if ((kind == Kind::kConstantInput || kind == Kind::kChannelConstant) &&
             tensor->allocation_type != kTfLiteMmapRo) {
    fault = "not a constant";
  }
  if (fault != nullptr) {
    MicroPrintf("%s: %s %d is %s", op_, name, index, fault);
    status_ = kTfLiteError;
  }
  if (tensor != nullptr) GetMicroContext(context_)->DeallocateTempTfLiteTensor(tensor);
}

void OpCheck::Input(int index, TfLiteType type, int32_t elements) {
  Tensor(Kind::kInput, index, type, elements);
}

void OpCheck::OptionalInput(int index, TfLiteType type, int32_t elements) {
  if (Has(index)) Tensor(Kind::kInput, index, type, elements);
}

void OpCheck::ConstantInput(int index, TfLiteType type, int32_t elements) {
  Tensor(Kind::kConstantInput, index, type, elements);
}

void OpCheck::WritableInput(int index, TfLiteType type, int32_t elements) {
  Tensor(Kind::kWritableInput, index, type, elements);
}

void OpCheck::Output(int index, TfLiteType type, int32_t elements) {
  Tensor(Kind::kOutput, index, type, elements);
}

void OpCheck::InitialValue(int index) {
  TfLiteTensor* variable = status_ == kTfLiteOk ? AllocateTemp(Kind::kInput, index + 1) : nullptr;
  Require(variable != nullptr, "variable");
  if (variable == nullptr) return;
  const TfLiteType type = variable->type;
  const auto elements = static_cast<int32_t>(variable->bytes / ElementBytes(type));
  GetMicroContext(context_)->DeallocateTempTfLiteTensor(variable);
  WritableInput(index + 1, type, elements);
  if (Has(index)) ConstantInput(index, type, elements);
}

void OpCheck::ChannelInput(int index, int32_t channels) {
  Tensor(Kind::kChannelInput, index, kTfLiteFloat32, channels);
}

void OpCheck::ChannelConstant(int index, TfLiteType type, int32_t channels) {
  Tensor(Kind::kChannelConstant, index, type, channels);
}

void OpCheck::Gradient(Kind kind, int index, int32_t elements) {
  if (gradient_type_ == kTfLiteNoType) {
    gradient_type_ = TypeOf(kind, index) == kTfLiteInt8 ? kTfLiteInt8 : kTfLiteInt16;
  }
  Tensor(kind, index, gradient_type_, elements);
  Tensor(kind, index + 1, kTfLiteFloat32, 2);
}

void OpCheck::GradientInput(int index, int32_t elements) {
  Gradient(Kind::kInput, index, elements);
}

void OpCheck::GradientOutput(int index, int32_t elements) {
  Gradient(Kind::kOutput, index, elements);
}

void OpCheck::MaskInput(int index, int32_t elements) {
  if (!Has(index)) return;
  if (TypeOf(Kind::kInput, index) == kTfLiteUInt8) {
    Tensor(Kind::kInput, index, kTfLiteUInt8, MaskBytes(elements));
  } else {
    Tensor(Kind::kInput, index, kTfLiteInt8, elements);
  }
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
  if (tensor->type == kTfLiteInt8) return static_cast<const int8_t*>(tensor->data.data);
  return static_cast<const int16_t*>(tensor->data.data);
}

MutableMantissas OutputMantissas(const TfLiteContext* context, const TfLiteNode* node, int index) {
  TfLiteEvalTensor* tensor = GetEvalOutput(context, node, index);
  if (tensor->type == kTfLiteInt8) return static_cast<int8_t*>(tensor->data.data);
  return static_cast<int16_t*>(tensor->data.data);
}

GradientScale InputScale(const TfLiteContext* context, const TfLiteNode* node, int index) {
  return ReadGradientScale(InputData<float>(context, node, index));
}

void OutputScale(GradientScale scale, const TfLiteContext* context, const TfLiteNode* node,
                 int index) {
  WriteGradientScale(scale, OutputData<float>(context, node, index));
}

ActivationMask InputMask(const TfLiteContext* context, const TfLiteNode* node, int index,
                         int32_t low, int32_t high) {
  ActivationMask mask = {nullptr, low, high};
  const TfLiteEvalTensor* tensor = GetEvalInput(context, node, index);
  if (tensor == nullptr) return mask;
  if (tensor->type == kTfLiteUInt8) {
    mask.bits = static_cast<const uint8_t*>(tensor->data.data);
  } else {
    mask.values = static_cast<const int8_t*>(tensor->data.data);
  }
  return mask;
}

}  // namespace tflm_training
