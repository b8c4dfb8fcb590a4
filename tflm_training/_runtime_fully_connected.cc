#include "tflm_training/_runtime_fully_connected.h"

#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/micro_context.h"

namespace tflm_training {
namespace {

// Stands in a field that the library never reads for int8, to tell the two kinds of user
// data apart.
constexpr int kPerChannelTag = 0x50436861;

struct PerChannelData {
  tflite::OpDataFullyConnected common;  // first: what the tag is read from
  int32_t* multiplier;                  // [O], in the arena
  int* shift;                           // [O], in the arena
};

const TFLMRegistration& Library() {
  static const TFLMRegistration registration = tflite::Register_FULLY_CONNECTED();
  return registration;
}

void* Init(TfLiteContext* context, const char* buffer, size_t length) {
  return Library().init(context, buffer, length);
}

bool IsPerChannel(const TfLiteTensor& filter) {
  if (filter.type != kTfLiteInt8 || filter.quantization.params == nullptr) return false;
  return static_cast<const TfLiteAffineQuantization*>(filter.quantization.params)->scale->size > 1;
}

TfLiteStatus PreparePerChannel(TfLiteContext* context, TfLiteNode* node,
                               const TfLiteTensor& input, const TfLiteTensor& filter,
                               const TfLiteTensor& output) {
  const auto* scales =
      static_cast<const TfLiteAffineQuantization*>(filter.quantization.params)->scale;
  TF_LITE_ENSURE_EQ(context, scales->size, filter.dims->data[0]);
  const size_t bytes = static_cast<size_t>(scales->size) * sizeof(int32_t);
  auto* data = static_cast<PerChannelData*>(
      context->AllocatePersistentBuffer(context, sizeof(PerChannelData)));
  TF_LITE_ENSURE(context, data != nullptr);
  data->common = *static_cast<tflite::OpDataFullyConnected*>(node->user_data);
  data->common.input_quantized_index = kPerChannelTag;
  data->multiplier = static_cast<int32_t*>(context->AllocatePersistentBuffer(context, bytes));
  data->shift = static_cast<int*>(context->AllocatePersistentBuffer(context, bytes));
  TF_LITE_ENSURE(context, data->multiplier != nullptr && data->shift != nullptr);
  for (int i = 0; i < scales->size; ++i) {
    const double scale = static_cast<double>(input.params.scale) *
                         static_cast<double>(scales->data[i]) /
                         static_cast<double>(output.params.scale);
    tflite::QuantizeMultiplier(scale, &data->multiplier[i], &data->shift[i]);
  }
  node->user_data = data;
  return kTfLiteOk;
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  TF_LITE_ENSURE_STATUS(Library().prepare(context, node));
  static_cast<tflite::OpDataFullyConnected*>(node->user_data)->input_quantized_index = 0;
  tflite::MicroContext* micro = tflite::GetMicroContext(context);
  TfLiteTensor* input = micro->AllocateTempInputTensor(node, tflite::kFullyConnectedInputTensor);
  TfLiteTensor* filter =
      micro->AllocateTempInputTensor(node, tflite::kFullyConnectedWeightsTensor);
  TfLiteTensor* output =
      micro->AllocateTempOutputTensor(node, tflite::kFullyConnectedOutputTensor);
  TF_LITE_ENSURE(context, input != nullptr && filter != nullptr && output != nullptr);
  TfLiteStatus status = kTfLiteOk;
  if (IsPerChannel(*filter)) status = PreparePerChannel(context, node, *input, *filter, *output);
  micro->DeallocateTempTfLiteTensor(output);
  micro->DeallocateTempTfLiteTensor(filter);
  micro->DeallocateTempTfLiteTensor(input);
  return status;
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  const auto* data = static_cast<const PerChannelData*>(node->user_data);
  if (data->common.input_quantized_index != kPerChannelTag) {
    return Library().invoke(context, node);
  }
  const TfLiteEvalTensor* input =
      tflite::micro::GetEvalInput(context, node, tflite::kFullyConnectedInputTensor);
  const TfLiteEvalTensor* filter =
      tflite::micro::GetEvalInput(context, node, tflite::kFullyConnectedWeightsTensor);
  const TfLiteEvalTensor* bias =
      tflite::micro::GetEvalInput(context, node, tflite::kFullyConnectedBiasTensor);
  TfLiteEvalTensor* output =
      tflite::micro::GetEvalOutput(context, node, tflite::kFullyConnectedOutputTensor);
  // The reference kernel counts rows in two dimensions.
  const int outputs = filter->dims->data[0];
  const int32_t shape[] = {tflite::micro::GetTensorShape(output).FlatSize() / outputs, outputs};
  tflite::reference_integer_ops::FullyConnectedPerChannel(
      tflite::FullyConnectedParamsQuantized(data->common), data->multiplier, data->shift,
      tflite::micro::GetTensorShape(input), tflite::micro::GetTensorData<int8_t>(input),
      tflite::micro::GetTensorShape(filter), tflite::micro::GetTensorData<int8_t>(filter),
      tflite::micro::GetTensorShape(bias),
      tflite::micro::GetOptionalTensorData<int32_t>(bias), tflite::RuntimeShape(2, shape),
      tflite::micro::GetTensorData<int8_t>(output));
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration RegisterFullyConnected() {
  return tflite::micro::RegisterOp(Init, Prepare, Invoke);
}

}  // namespace tflm_training
