#include "examples/stm32f746/app.h"

#include <cstring>

#include "examples/stm32f746/board.h"
#include "examples/stm32f746/checkpoint_transfer.h"
#include "examples/stm32f746/log.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace device {
namespace {

// The number at `offset` of a payload that is long enough.
template <typename T>
T Load(const Frame& frame, size_t offset) {
  T value;
  memcpy(&value, frame.payload + offset, sizeof(value));
  return value;
}

}  // namespace

void App::Start() {
  ClearLog();
  if (interpreter_.AllocateTensors() != kTfLiteOk || session_.Init() != kTfLiteOk) return;
  if (SampleBytes() > sample_capacity_) {
    MicroPrintf("a sample has %d bytes, the buffer %d", static_cast<int>(SampleBytes()),
                static_cast<int>(sample_capacity_));
    return;
  }
  ready_ = true;
}

void App::Run() {
  for (;;) {
    Frame request;
    if (link_.Receive(Link::kForever, &request)) Answer(request);
  }
}

void App::Answer(const Frame& request) {
  // A request that comes again was answered, but the answer got lost: a second training step
  // would be a different result. kInfo opens a conversation and is always carried out.
  const bool repeated = request.type != kInfo && request.sequence == sequence_ &&
                        request.crc == request_crc_;
  if (!repeated) {
    sequence_ = request.sequence;
    request_crc_ = request.crc;
    failed_ = false;
    reply_.Begin(static_cast<uint8_t>(request.type | kReplyBit), sequence_);
    if (ready_) {
      ClearLog();
      Handle(request);
    } else {
      FailWithLog(ErrorCode::kNotReady);
    }
    reply_.End();
  }
  link_.Send(reply_);
}

void App::Handle(const Frame& request) {
  switch (request.type) {
    case kInfo: return Info(request);
    case kWriteSample: return WriteSample(request);
    case kStep: return Step(request);
    case kReadOutput: return ReadOutput(request);
    case kReset: return Reset(request);
    case kReadCheckpoint: return ReadCheckpoint(request);
    case kRestore: return Restore(request);
    default: return Fail(ErrorCode::kUnknownType, "unknown request");
  }
}

void App::Info(const Frame& request) {
  if (request.payload_bytes != 0) return Fail(ErrorCode::kBadLength, "info takes no payload");
  const size_t numbers[] = {
      arena_bytes_,
      interpreter_.arena_used_bytes(),
      board::StackBytes(),
      board::StackUsedBytes(),
      session_.checkpoint_bytes(),
      session_.steps(),
      session_.sample_bytes(),
      session_.target_bytes(),
      static_cast<size_t>(session_.classes()),
      board::TicksPerSecond(),
  };
  for (const size_t number : numbers) reply_.Append(static_cast<uint32_t>(number));
  reply_.Append(session_.model_id(), tflm_training::kModelIdBytes);
  AppendTensor(*interpreter_.input(0));
  AppendTensor(*interpreter_.output(0));
}

void App::AppendTensor(const TfLiteTensor& tensor) {
  reply_.Append(static_cast<uint8_t>(tensor.type));
  reply_.Append(static_cast<uint8_t>(tensor.dims->size));
  reply_.Append(static_cast<uint16_t>(0));
  reply_.Append(tensor.params.scale);
  reply_.Append(static_cast<int32_t>(tensor.params.zero_point));
  for (int i = 0; i < tensor.dims->size; ++i) {
    reply_.Append(static_cast<int32_t>(tensor.dims->data[i]));
  }
}

size_t App::SampleBytes() const {
  return session_.sample_bytes() + session_.target_bytes();
}

// Payload: uint32 offset, then the bytes. Pieces come in order; offset 0 begins a sample.
void App::WriteSample(const Frame& request) {
  if (request.payload_bytes < 4) return Fail(ErrorCode::kBadLength, "no offset");
  const size_t offset = Load<uint32_t>(request, 0);
  const size_t bytes = request.payload_bytes - 4;
  if (offset != 0 && offset != sample_written_) {
    return Fail(ErrorCode::kBadArgument, "a piece of the sample is missing");
  }
  if (offset > SampleBytes() || bytes > SampleBytes() - offset) {
    return Fail(ErrorCode::kBadLength, "more bytes than a sample has");
  }
  memcpy(sample_ + offset, request.payload + 4, bytes);
  sample_written_ = offset + bytes;
}

// Payload: int32 label, float32 learning rate, uint32 offset and the sample's last piece, as
// kWriteSample's. The sample stays: with no bytes at all the last one is used again.
void App::Step(const Frame& request) {
  if (request.payload_bytes < 12) return Fail(ErrorCode::kBadLength, "no label or learning rate");
  const int32_t label = Load<int32_t>(request, 0);
  const float learning_rate = Load<float>(request, 4);
  if (request.payload_bytes > 12) {
    Frame piece = request;
    piece.payload += 8;
    piece.payload_bytes -= 8;
    WriteSample(piece);
    if (failed_) return;
  }
  if (sample_written_ != SampleBytes()) {
    return Fail(ErrorCode::kBadLength, "fewer bytes than a sample has");
  }
  float loss = 0.0f;
  TfLiteStatus status;
  const uint32_t start = board::Ticks();
  if (session_.target_bytes() != 0) {
    status = session_.TrainTarget(sample_, sample_ + session_.sample_bytes(), learning_rate, &loss);
  } else if (label == -1) {
    status = session_.Infer(sample_) == nullptr ? kTfLiteError : kTfLiteOk;
  } else {
    status = session_.Train(sample_, label, learning_rate, &loss);
  }
  const uint32_t ticks = board::Ticks() - start;
  if (status != kTfLiteOk) {
    using tflm_training::TrainingError;
    const bool argument = session_.error() == TrainingError::kLabel ||
                          session_.error() == TrainingError::kLearningRate;
    return FailWithLog(argument ? ErrorCode::kBadArgument : ErrorCode::kTrainingFailed);
  }
  reply_.Append(loss);
  reply_.Append(ticks);
  AppendOutput(0);
}

void App::AppendOutput(size_t offset) {
  const TfLiteTensor& output = *interpreter_.output(0);
  const size_t rest = output.bytes - offset;
  reply_.Append(output.data.raw + offset, rest < reply_.Room() ? rest : reply_.Room());
}

// Payload: uint32 offset.
void App::ReadOutput(const Frame& request) {
  if (request.payload_bytes != 4) return Fail(ErrorCode::kBadLength, "no offset");
  const size_t offset = Load<uint32_t>(request, 0);
  if (offset >= interpreter_.output(0)->bytes) {
    return Fail(ErrorCode::kBadArgument, "an offset behind the output");
  }
  AppendOutput(offset);
}

void App::Reset(const Frame& request) {
  if (request.payload_bytes != 0) return Fail(ErrorCode::kBadLength, "reset takes no payload");
  if (session_.Reset() != kTfLiteOk) FailWithLog(ErrorCode::kTrainingFailed);
}

// Payload: uint32 offset. The checkpoint is made anew for each piece, which costs no memory.
void App::ReadCheckpoint(const Frame& request) {
  if (request.payload_bytes != 4) return Fail(ErrorCode::kBadLength, "no offset");
  const size_t offset = Load<uint32_t>(request, 0);
  if (offset >= session_.checkpoint_bytes()) {
    return Fail(ErrorCode::kBadArgument, "an offset behind the checkpoint");
  }
  PieceWriter writer(offset, &reply_);
  if (session_.Save(writer) != kTfLiteOk) FailWithLog(ErrorCode::kCheckpointFailed);
}

// Payload: uint32 bytes of the checkpoint.
void App::Restore(const Frame& request) {
  if (request.payload_bytes != 4) return Fail(ErrorCode::kBadLength, "no size");
  RemoteCheckpoint reader(&link_, request.sequence, Load<uint32_t>(request, 0));
  if (session_.Restore(reader) != kTfLiteOk) FailWithLog(ErrorCode::kCheckpointFailed);
}

void App::Fail(ErrorCode code, const char* text) {
  failed_ = true;
  reply_.Begin(kError, sequence_);
  reply_.Append(code);
  reply_.Append(text, strlen(text));
}

void App::FailWithLog(ErrorCode code) { Fail(code, Log()); }

}  // namespace device
