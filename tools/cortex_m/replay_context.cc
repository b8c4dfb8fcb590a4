#include "tools/cortex_m/replay_context.h"

#include "tools/cortex_m/semihosting.h"

namespace tflm_training {
namespace {

[[noreturn]] void Fail(const char* what) {
  Print("context: %s\n", what);
  Exit(1);
}

TfLiteType TypeOf(const RecordedTensor& tensor) {
  switch (tensor.type) {
    case 'f': return kTfLiteFloat32;
    case 'i': return kTfLiteInt32;
    case 'h': return kTfLiteInt16;
    case 'b': return kTfLiteInt8;
    case 'B': return kTfLiteUInt8;
    default: Fail("a tensor of an unknown type");
  }
}

}  // namespace

ReplayContext::ReplayContext() {
  context_.impl_ = static_cast<MicroContext*>(this);
  context_.GetEvalTensor = [](const TfLiteContext* context, int index) {
    return GetMicroContext(context)->GetEvalTensor(index);
  };
  context_.AllocatePersistentBuffer = [](TfLiteContext* context, size_t bytes) {
    return GetMicroContext(context)->AllocatePersistentBuffer(bytes);
  };
  context_.RequestScratchBufferInArena = [](TfLiteContext* context, size_t bytes, int* index) {
    return GetMicroContext(context)->RequestScratchBufferInArena(bytes, index);
  };
  context_.GetScratchBuffer = [](TfLiteContext* context, int index) {
    return GetMicroContext(context)->GetScratchBuffer(index);
  };
}

void ReplayContext::Reset(const RecordingFile& file, const RecordedOperator& op) {
  if (op.tensor_count > kMaxTensors) Fail("too many tensors");
  tensors_ = file.At<RecordedTensor>(op.tensors);
  tensor_count_ = op.tensor_count;
  temporaries_in_use_ = 0;
  scratch_buffer_count_ = 0;
  buffer_bytes_used_ = 0;
  for (uint32_t i = 0; i < tensor_count_; ++i) {
    TfLiteEvalTensor& tensor = eval_tensors_[i];
    tensor.data.data = file.At<uint8_t>(op.before) + tensors_[i].offset;
    tensor.dims = file.At<TfLiteIntArray>(tensors_[i].dims);
    tensor.type = TypeOf(tensors_[i]);
  }
}

uint8_t* ReplayContext::Allocate(size_t bytes) {
  const size_t aligned = (bytes + 15) / 16 * 16;
  if (aligned > kBufferBytes - buffer_bytes_used_) Fail("the buffers are used up");
  uint8_t* const buffer = buffers_ + buffer_bytes_used_;
  buffer_bytes_used_ += aligned;
  return buffer;
}

void* ReplayContext::AllocatePersistentBuffer(size_t bytes) { return Allocate(bytes); }

TfLiteStatus ReplayContext::RequestScratchBufferInArena(size_t bytes, int* index) {
  if (scratch_buffer_count_ == kMaxScratchBuffers) Fail("too many scratch buffers");
  *index = scratch_buffer_count_++;
  scratch_buffers_[*index] = Allocate(bytes);
  return kTfLiteOk;
}

void* ReplayContext::GetScratchBuffer(int index) { return scratch_buffers_[index]; }

TfLiteTensor* ReplayContext::AllocateTempTfLiteTensor(int index) {
  int slot = 0;
  while (slot < kMaxTemporaries && ((temporaries_in_use_ >> slot) & 1) != 0) ++slot;
  if (slot == kMaxTemporaries) Fail("too many temporary tensors");
  temporaries_in_use_ |= 1u << slot;
  const TfLiteEvalTensor& source = eval_tensors_[index];
  TfLiteTensor& tensor = temporaries_[slot];
  tensor = {};
  tensor.type = source.type;
  tensor.data.data = source.data.data;
  tensor.dims = source.dims;
  tensor.bytes = tensors_[index].bytes;
  tensor.allocation_type = tensors_[index].is_constant != 0 ? kTfLiteMmapRo : kTfLiteArenaRw;
  return &tensor;
}

void ReplayContext::DeallocateTempTfLiteTensor(TfLiteTensor* tensor) {
  temporaries_in_use_ &= ~(1u << (tensor - temporaries_));
}

uint8_t* ReplayContext::AllocateTempBuffer(size_t size, size_t) { return Allocate(size); }

void ReplayContext::DeallocateTempBuffer(uint8_t*) {}

TfLiteEvalTensor* ReplayContext::GetEvalTensor(int index) { return &eval_tensors_[index]; }

TfLiteStatus ReplayContext::set_external_context(void*) { Fail("no external context"); }

void* ReplayContext::external_context() { Fail("no external context"); }

tflite::MicroGraph& ReplayContext::graph() { Fail("no graph"); }

}  // namespace tflm_training
