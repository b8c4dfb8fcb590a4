// Save() and Restore().

#include "tflm_training/training_session.h"

#include <cstring>

#include "kernels/core/tflm.h"

namespace tflm_training {
namespace {

TrainingError ErrorOf(CheckpointFault fault) {
  switch (fault) {
    case CheckpointFault::kNone: return TrainingError::kNone;
    case CheckpointFault::kUnreadable: return TrainingError::kRead;
    case CheckpointFault::kNoCheckpoint: return TrainingError::kNoCheckpoint;
    case CheckpointFault::kVersion: return TrainingError::kVersion;
    default: return TrainingError::kDamaged;
  }
}

const char* TextOf(TrainingError error) {
  switch (error) {
    case TrainingError::kRead: return "the checkpoint cannot be read";
    case TrainingError::kNoCheckpoint: return "there is no checkpoint";
    case TrainingError::kVersion: return "the checkpoint has another version of the format";
    default: return "the checkpoint is damaged";
  }
}

// Passes a checkpoint on and keeps its CRC.
class Output {
 public:
  explicit Output(CheckpointWriter& writer) : writer_(writer) {}

  bool Write(const void* data, size_t bytes) {
    crc_ = Crc32(crc_, data, bytes);
    return bytes == 0 || writer_.Write(data, bytes);
  }

  bool WriteCrc() { return writer_.Write(&crc_, sizeof(crc_)); }

 private:
  CheckpointWriter& writer_;
  uint32_t crc_ = 0;
};

}  // namespace

TfLiteStatus TrainingSession::Save(CheckpointWriter& writer, const void* app_data,
                                   size_t app_bytes) {
  TF_LITE_ENSURE_STATUS(Begin());
  if (app_data == nullptr && app_bytes != 0) {
    return Fail(TrainingError::kArgument, "app_bytes without app_data");
  }
  CheckpointHeader header{};
  header.magic = kCheckpointMagic;
  header.version = kCheckpointVersion;
  header.header_bytes = sizeof(header);
  memcpy(header.model_id, model_id_, kModelIdBytes);
  header.steps = steps_;
  header.variable_bytes = static_cast<uint32_t>(variable_bytes_);
  header.app_bytes = static_cast<uint32_t>(app_bytes);
  Output output(writer);
  bool written = output.Write(&header, sizeof(header));
  for (uint32_t i = 0; written && i < tensors(); ++i) {
    const Variable variable = VariableAt(i);
    written = output.Write(variable.data, variable.bytes);
  }
  if (written && output.Write(app_data, app_bytes) && output.WriteCrc()) return kTfLiteOk;
  return Fail(TrainingError::kWrite, "the checkpoint cannot be written");
}

TfLiteStatus TrainingSession::Restore(CheckpointReader& reader, void* app_data,
                                      size_t app_capacity) {
  TF_LITE_ENSURE_STATUS(Begin());
  CheckpointHeader header;
  const TrainingError error = ErrorOf(VerifyCheckpoint(reader, &header));
  if (error != TrainingError::kNone) return Fail(error, TextOf(error));
  if (memcmp(header.model_id, model_id_, kModelIdBytes) != 0 ||
      header.variable_bytes != variable_bytes_) {
    return Fail(TrainingError::kOtherModel,
                "the checkpoint belongs to another model or another conversion of it");
  }
  return Copy(reader, header, app_data, app_data == nullptr ? 0 : app_capacity);
}

bool TrainingSession::CopyVariables(CheckpointReader& reader, size_t* offset, uint32_t* crc) {
  for (uint32_t i = 0; i < tensors(); ++i) {
    const Variable variable = VariableAt(i);
    if (variable.bytes == 0) continue;
    if (!reader.Read(*offset, variable.data, variable.bytes)) return false;
    *crc = Crc32(*crc, variable.data, variable.bytes);
    *offset += variable.bytes;
  }
  return true;
}

// The second pass. The CRC is taken again, so that flash which reads differently each time
// is noticed.
TfLiteStatus TrainingSession::Copy(CheckpointReader& reader, const CheckpointHeader& header,
                                   void* app_data, size_t app_capacity) {
  size_t offset = sizeof(header);
  uint32_t crc = Crc32(0, &header, sizeof(header));
  uint8_t* app = static_cast<uint8_t*>(app_data);
  bool read = CopyVariables(reader, &offset, &crc);
  for (size_t i = 0; read && i < header.app_bytes; ++i, ++offset) {
    uint8_t byte;
    read = reader.Read(offset, &byte, 1);
    crc = Crc32(crc, &byte, 1);
    if (i < app_capacity) app[i] = byte;
  }
  uint32_t stored = 0;
  if (read && reader.Read(offset, &stored, sizeof(stored)) && stored == crc) {
    steps_ = header.steps;
    return kTfLiteOk;
  }
  TF_LITE_ENSURE_STATUS(Reset());
  return Fail(TrainingError::kDamaged,
              "the checkpoint read differently the second time: back to the shipped weights");
}

}  // namespace tflm_training
