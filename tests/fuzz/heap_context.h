// What an operator sees of TFLite Micro's interpreter, every tensor a heap block of its own and of
// exactly its size, so that AddressSanitizer finds the first byte that is read or written outside.
#ifndef TESTS_FUZZ_HEAP_CONTEXT_H_
#define TESTS_FUZZ_HEAP_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels/core/tflm.h"

namespace tflm_training {

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<uint8_t, Free>;

// A block of exactly these bytes, aligned for any type, as arenas are; of none nullptr.
inline Block MakeBlock(const void* content, size_t bytes) {
  Block block(static_cast<uint8_t*>(bytes == 0 ? nullptr : std::malloc(bytes)));
  for (size_t i = 0; i < bytes; ++i) block.get()[i] = static_cast<const uint8_t*>(content)[i];
  return block;
}

// A TfLiteIntArray in a block of its own.
inline Block MakeIntArray(const std::vector<int32_t>& values) {
  std::vector<int32_t> words = {static_cast<int32_t>(values.size())};
  words.insert(words.end(), values.begin(), values.end());
  return MakeBlock(words.data(), words.size() * sizeof(int32_t));
}

struct HeapTensor {
  TfLiteType type;
  std::vector<int32_t> dims;
  std::vector<uint8_t> content;
  bool is_constant;
};

class HeapContext : public MicroContext {
 public:
  HeapContext() {
    context_.impl_ = static_cast<MicroContext*>(this);
    context_.GetEvalTensor = [](const TfLiteContext* context, int index) {
      return GetMicroContext(context)->GetEvalTensor(index);
    };
    context_.AllocatePersistentBuffer = [](TfLiteContext* context, size_t bytes) {
      return GetMicroContext(context)->AllocatePersistentBuffer(bytes);
    };
  }

  void Reset(const std::vector<HeapTensor>& tensors) {
    persistent_.clear();
    blocks_.clear();
    dims_.clear();
    bytes_.clear();
    constant_.clear();
    eval_tensors_.assign(tensors.size(), {});
    for (size_t i = 0; i < tensors.size(); ++i) {
      blocks_.push_back(MakeBlock(tensors[i].content.data(), tensors[i].content.size()));
      // The arena has a place for a tensor of no bytes, too.
      if (blocks_[i] == nullptr && !tensors[i].is_constant) {
        blocks_[i].reset(static_cast<uint8_t*>(std::malloc(0)));
      }
      dims_.push_back(MakeIntArray(tensors[i].dims));
      bytes_.push_back(tensors[i].content.size());
      constant_.push_back(tensors[i].is_constant);
      eval_tensors_[i].data.data = blocks_[i].get();
      eval_tensors_[i].dims = reinterpret_cast<TfLiteIntArray*>(dims_[i].get());
      eval_tensors_[i].type = tensors[i].type;
    }
  }

  TfLiteContext* context() { return &context_; }
  int temporaries() const { return temporaries_; }

  void* AllocatePersistentBuffer(size_t bytes) override {
    persistent_.push_back(Block(static_cast<uint8_t*>(std::malloc(bytes))));
    return persistent_.back().get();
  }
  TfLiteStatus RequestScratchBufferInArena(size_t, int*) override { return kTfLiteError; }
  void* GetScratchBuffer(int) override { return nullptr; }
  TfLiteTensor* AllocateTempTfLiteTensor(int index) override {
    const auto i = static_cast<size_t>(index);
    auto* tensor = new TfLiteTensor{};
    tensor->type = eval_tensors_.at(i).type;
    tensor->data.data = eval_tensors_[i].data.data;
    tensor->dims = eval_tensors_[i].dims;
    tensor->bytes = bytes_[i];
    tensor->allocation_type = constant_[i] ? kTfLiteMmapRo : kTfLiteArenaRw;
    ++temporaries_;
    return tensor;
  }
  void DeallocateTempTfLiteTensor(TfLiteTensor* tensor) override {
    --temporaries_;
    delete tensor;
  }
  uint8_t* AllocateTempBuffer(size_t, size_t) override { return nullptr; }
  void DeallocateTempBuffer(uint8_t*) override {}
  TfLiteEvalTensor* GetEvalTensor(int index) override {
    return &eval_tensors_.at(static_cast<size_t>(index));
  }
  TfLiteStatus set_external_context(void*) override { return kTfLiteError; }
  void* external_context() override { return nullptr; }
  tflite::MicroGraph& graph() override { std::abort(); }

 private:
  TfLiteContext context_{};
  std::vector<TfLiteEvalTensor> eval_tensors_;
  std::vector<Block> blocks_;
  std::vector<Block> dims_;
  std::vector<size_t> bytes_;
  std::vector<bool> constant_;
  std::vector<Block> persistent_;
  int temporaries_ = 0;
};

}  // namespace tflm_training

#endif  // TESTS_FUZZ_HEAP_CONTEXT_H_
