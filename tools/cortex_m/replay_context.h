// What an operator sees of TFLite Micro's interpreter, over tensors that lie ready in memory.
#ifndef TOOLS_CORTEX_M_REPLAY_CONTEXT_H_
#define TOOLS_CORTEX_M_REPLAY_CONTEXT_H_

#include <cstddef>
#include <cstdint>

#include "kernels/core/tflm.h"
#include "tools/cortex_m/recording.h"

namespace tflm_training {

// One operator at a time. Whatever an operator asks for beyond what the training operators
// need ends the emulation.
class ReplayContext : public MicroContext {
 public:
  ReplayContext();

  // The destructor is virtual, but nothing here is on a heap.
  void operator delete(void*) {}

  // The tensors of another operator; persistent and scratch buffers are free again.
  void Reset(const RecordingFile& file, const RecordedOperator& op);

  TfLiteContext* context() { return &context_; }
  bool HoldsTemporaries() const { return temporaries_in_use_ != 0; }

  void* AllocatePersistentBuffer(size_t bytes) override;
  TfLiteStatus RequestScratchBufferInArena(size_t bytes, int* index) override;
  void* GetScratchBuffer(int index) override;
  TfLiteTensor* AllocateTempTfLiteTensor(int index) override;
  void DeallocateTempTfLiteTensor(TfLiteTensor* tensor) override;
  uint8_t* AllocateTempBuffer(size_t size, size_t alignment) override;
  void DeallocateTempBuffer(uint8_t* buffer) override;
  TfLiteEvalTensor* GetEvalTensor(int index) override;
  TfLiteStatus set_external_context(void* payload) override;
  void* external_context() override;
  tflite::MicroGraph& graph() override;

 private:
  static constexpr int kMaxTensors = 1024;
  static constexpr int kMaxTemporaries = 4;
  static constexpr int kMaxScratchBuffers = 8;
  static constexpr size_t kBufferBytes = 128 * 1024;

  uint8_t* Allocate(size_t bytes);

  TfLiteContext context_{};
  TfLiteEvalTensor eval_tensors_[kMaxTensors];
  const RecordedTensor* tensors_ = nullptr;
  uint32_t tensor_count_ = 0;
  TfLiteTensor temporaries_[kMaxTemporaries];
  uint32_t temporaries_in_use_ = 0;  // a bit each
  uint8_t* scratch_buffers_[kMaxScratchBuffers];
  int scratch_buffer_count_ = 0;
  alignas(16) uint8_t buffers_[kBufferBytes];
  size_t buffer_bytes_used_ = 0;
};

}  // namespace tflm_training

#endif  // TOOLS_CORTEX_M_REPLAY_CONTEXT_H_
