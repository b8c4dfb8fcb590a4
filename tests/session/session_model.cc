#include "tests/session/session_model.h"

#include <cmath>
#include <cstring>
#include <memory>

#include "kernels/apply_updates/apply_updates.h"
#include "kernels/bias_update/bias_update.h"
#include "kernels/conv_2d_grad/conv_2d_grad.h"
#include "kernels/initialize_variables/initialize_variables.h"
#include "kernels/mean_squared_error/mean_squared_error.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/cc/model_builder.h"

namespace tflm_training {
namespace {

constexpr float kInputScale = 0.02f;
constexpr float kWeightScale = 0.01f;
constexpr float kOutputScale = 0.1f;

template <typename T>
int32_t AddTrained(ModelBuilder& builder, std::vector<int32_t>* pairs, tflite::TensorType type,
                   const std::vector<int32_t>& shape, const std::vector<T>& initial, float scale) {
  pairs->push_back(builder.AddConstant(type, shape, initial, scale));
  pairs->push_back(builder.AddVariable(type, shape, scale));
  return pairs->back();
}

void AddLoss(ModelBuilder& builder, bool regressor, std::vector<int32_t> inputs,
             const std::vector<int32_t>& outputs) {
  if (regressor) {
    MeanSquaredErrorOptions options{};
    options.version = MeanSquaredErrorOptions::kVersion;
    options.elements = kClasses;
    options.loss_scale = kOutputScale * kOutputScale / kClasses;
    options.gradient_scale = 2.0f * kOutputScale / kClasses;
    builder.AddCustom("MEAN_SQUARED_ERROR", inputs, outputs, options);
    return;
  }
  std::vector<int32_t> exponentials(kExponentials);
  for (size_t i = 0; i < exponentials.size(); ++i) {
    exponentials[i] = static_cast<int32_t>(
        std::lround(std::ldexp(std::exp(-kOutputScale * static_cast<float>(i)), 24)));
  }
  inputs.push_back(
      builder.AddConstant<int32_t>(tflite::TensorType_INT32, {kExponentials}, exponentials));
  SoftmaxCrossEntropyOptions options{};
  options.version = SoftmaxCrossEntropyOptions::kVersion;
  options.classes = kClasses;
  options.exponential_bits = 24;
  options.gradient_bits = 15;
  options.logit_scale_q16 = static_cast<int32_t>(65536 * kOutputScale);
  options.beta = 1.0f;
  builder.AddCustom("SOFTMAX_CROSS_ENTROPY", inputs, outputs, options);
}

ConvFilterUpdateOptions FilterUpdate() {
  auto options = FullyConnectedGeometry<ConvFilterUpdateOptions>(kFeatures, kClasses);
  options.channels = kFeatures;
  options.clamp = 4;
  return options;
}

BiasUpdateOptions BiasUpdate() {
  BiasUpdateOptions options{};
  options.version = BiasUpdateOptions::kVersion;
  options.positions = 1;
  options.channels = kClasses;
  options.clamp = 127;
  options.limit = 1 << 24;
  return options;
}

// Where the updates go.
struct Pending {
  int32_t filter;
  int32_t fraction;  // or -1
  int32_t bias;
};

Pending AddPending(ModelBuilder& builder) {
  const std::vector<int32_t> shape = {kClasses, kFeatures};
  return {builder.AddVariable(tflite::TensorType_INT8, shape),
          builder.AddVariable(tflite::TensorType_INT8, shape),
          builder.AddVariable(tflite::TensorType_INT32, {kClasses})};
}

void AddApplyUpdates(ModelBuilder& builder, const ModelTraits& traits, int32_t label, int32_t rate,
                     int32_t filter, int32_t bias, const Pending& pending) {
  const int32_t count = builder.AddVariable(tflite::TensorType_INT32, {1});
  const int32_t bounds = builder.AddConstant<int32_t>(tflite::TensorType_INT32, {2, 2},
                                                      {4, 127, 127, 1 << 24});
  builder.AddCustom("APPLY_UPDATES",
                    {traits.regressor ? -1 : label, rate, count, bounds, filter, pending.filter,
                     pending.fraction, bias, pending.bias, -1},
                    {}, ApplyUpdatesOptions{1, traits.samples, traits.regressor ? 0 : kClasses});
}

// The model again, with its metadata.
std::vector<uint64_t> WithId(const tflite::Model* model, const ModelTraits& traits) {
  const std::unique_ptr<tflite::ModelT> content(model->UnPack());
  if (traits.id_bytes > 0) {
    auto buffer = std::make_unique<tflite::BufferT>();
    buffer->data.assign(static_cast<size_t>(traits.id_bytes), traits.id);
    auto entry = std::make_unique<tflite::MetadataT>();
    entry->name = kModelIdMetadata;
    entry->buffer = static_cast<uint32_t>(content->buffers.size());
    content->buffers.push_back(std::move(buffer));
    content->metadata.push_back(std::move(entry));
  }
  flatbuffers::FlatBufferBuilder builder;
  tflite::FinishModelBuffer(builder, tflite::Model::Pack(builder, content.get()));
  std::vector<uint64_t> result((builder.GetSize() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
  std::memcpy(result.data(), builder.GetBufferPointer(), builder.GetSize());
  return result;
}

}  // namespace

const int8_t kSamples[kClasses][kFeatures] = {
    {100, -50, 20, -10, 3, 90}, {-60, 90, 30, 40, -80, 5}, {10, -20, -100, 80, 60, -70}};

std::vector<uint64_t> BuildModel(const ModelTraits& traits) {
  using tflite::TensorType_FLOAT32;
  using tflite::TensorType_INT32;
  using tflite::TensorType_INT8;
  ModelBuilder builder;
  const int32_t input = builder.AddTensor(TensorType_INT8, {1, kFeatures}, kInputScale);
  const int32_t label = traits.regressor
                            ? builder.AddTensor(TensorType_INT8, {1, kClasses}, kOutputScale)
                            : builder.AddTensor(TensorType_INT32, {1});
  const int32_t rate =
      builder.AddTensor(traits.has_rate ? TensorType_FLOAT32 : TensorType_INT32, {1});
  const int32_t output = builder.AddTensor(TensorType_INT8, {1, kClasses}, kOutputScale);
  const int32_t loss = builder.AddTensor(TensorType_FLOAT32, {1});
  std::vector<int32_t> pairs;
  const int32_t filter = AddTrained<int8_t>(
      builder, &pairs, TensorType_INT8, {kClasses, kFeatures},
      std::vector<int8_t>(kClasses * kFeatures, traits.weight), kWeightScale);
  const int32_t bias =
      AddTrained<int32_t>(builder, &pairs, TensorType_INT32, {kClasses},
                          std::vector<int32_t>(kClasses), kInputScale * kWeightScale);
  const int32_t state =
      AddTrained<int32_t>(builder, &pairs, TensorType_INT32, {1}, {12345}, 1.0f);
  builder.AddCustom("INITIALIZE_VARIABLES", pairs, {}, InitializeVariablesOptions{1});
  builder.AddFullyConnected({input, filter, bias}, output, tflite::ActivationFunctionType_NONE);
  if (traits.has_rate) {
    const int32_t gradient = builder.AddTensor(tflite::TensorType_INT16, {1, kClasses});
    const int32_t scale = builder.AddTensor(TensorType_FLOAT32, {2});
    AddLoss(builder, traits.regressor, {output, label, rate}, {loss, gradient, scale});
    const bool accumulates = traits.samples > 1;
    const float share = 1.0f / static_cast<float>(traits.samples);
    const int32_t filter_scale =
        builder.AddConstant<float>(TensorType_FLOAT32, {1},
                                   {kInputScale / kWeightScale * (accumulates ? 256 * share : 1)});
    const int32_t bias_scale = builder.AddConstant<float>(
        TensorType_FLOAT32, {1}, {share / (kInputScale * kWeightScale)});
    const Pending pending = accumulates ? AddPending(builder) : Pending{filter, -1, bias};
    builder.AddCustom(
        "CONV_2D_FILTER_UPDATE",
        {input, gradient, scale, pending.filter, rate, filter_scale, state, pending.fraction}, {},
        FilterUpdate());
    builder.AddCustom("BIAS_UPDATE", {gradient, scale, pending.bias, rate, bias_scale, state}, {},
                      BiasUpdate());
    if (accumulates) AddApplyUpdates(builder, traits, label, rate, filter, bias, pending);
  }
  return WithId(builder.Finish({input, label, rate}, {output, loss}), traits);
}

Device::Device(const ModelTraits& traits)
    : flatbuffer_(BuildModel(traits)),
      interpreter((resolver_.AddFullyConnected(), RegisterTrainingOps(resolver_), model()),
                  resolver_, arena_, sizeof(arena_)),
      session(model(), interpreter) {
  interpreter.AllocateTensors();
}

float Device::Train(int steps, float learning_rate) {
  float loss = 0.0f;
  for (int i = 0; i < steps; ++i) {
    const int label = i % kClasses;
    session.Train(kSamples[label], label, learning_rate, &loss);
  }
  return loss;
}

std::vector<uint8_t> Device::Variables() {
  VectorWriter writer;
  session.Save(writer);
  return std::vector<uint8_t>(writer.content.begin() + sizeof(CheckpointHeader),
                              writer.content.end() - sizeof(uint32_t));
}

bool VectorWriter::Write(const void* data, size_t bytes) {
  if (bytes > limit_ - content.size()) return false;
  const uint8_t* first = static_cast<const uint8_t*>(data);
  content.insert(content.end(), first, first + bytes);
  return true;
}

}  // namespace tflm_training
