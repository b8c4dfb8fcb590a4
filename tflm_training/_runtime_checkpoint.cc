#include "tflm_training/_runtime_checkpoint.h"

#include <stdexcept>

#include "tflm_training/_debug_log.h"
#include "tflm_training/checkpoint.h"
#include "tflm_training/training_session.h"

namespace tflm_training {
namespace {

class StringWriter : public CheckpointWriter {
 public:
  bool Write(const void* data, std::size_t bytes) override {
    content.append(static_cast<const char*>(data), bytes);
    return true;
  }

  std::string content;
};

// What the session logged last, without its prefix.
[[noreturn]] void ThrowLogged() {
  const std::string prefix = "TrainingSession: ";
  std::string text = TflmTrainingLog();
  const std::size_t start = text.rfind(prefix);
  if (start != std::string::npos) text.erase(0, start + prefix.size());
  throw std::invalid_argument(text.substr(0, text.find_first_of("\r\n")));
}

void Check(TfLiteStatus status) {
  if (status != kTfLiteOk) ThrowLogged();
}

// Init() runs an inference on zeros. It would be one more step of a stream to a recurrent operator
// that goes on from one Invoke() to the next, so the variables get back what they held.
void Begin(Interpreter& interpreter, TrainingSession& session) {
  if (!interpreter.has_variables()) {
    Check(session.Init());
    interpreter.Invoked();
    return;
  }
  const std::string held = interpreter.Variables();
  const TfLiteStatus status = session.Init();
  interpreter.SetVariables(held);
  Check(status);
}

}  // namespace

std::string SaveCheckpoint(Interpreter& interpreter, std::uint32_t steps,
                           const std::string& app_data) {
  TflmTrainingClearLog();
  TrainingSession session(interpreter.model(), interpreter.interpreter());
  Begin(interpreter, session);
  session.set_steps(steps);
  StringWriter writer;
  Check(session.Save(writer, app_data.data(), app_data.size()));
  return writer.content;
}

void RestoreCheckpoint(Interpreter& interpreter, const std::string& checkpoint) {
  TflmTrainingClearLog();
  TrainingSession session(interpreter.model(), interpreter.interpreter());
  Begin(interpreter, session);
  MemoryCheckpoint reader(checkpoint.data(), checkpoint.size());
  Check(session.Restore(reader));
}

CheckpointContent ReadCheckpoint(const std::string& checkpoint) {
  MemoryCheckpoint reader(checkpoint.data(), checkpoint.size());
  CheckpointHeader header;
  switch (VerifyCheckpoint(reader, &header)) {
    case CheckpointFault::kNone: break;
    case CheckpointFault::kNoCheckpoint: throw std::invalid_argument("not a checkpoint");
    case CheckpointFault::kVersion:
      throw std::invalid_argument("a checkpoint of another version of the format");
    default: throw std::invalid_argument("a damaged checkpoint");
  }
  CheckpointContent content;
  content.model_id.assign(reinterpret_cast<const char*>(header.model_id), kModelIdBytes);
  content.steps = header.steps;
  content.variables = checkpoint.substr(sizeof(header), header.variable_bytes);
  content.app_data = checkpoint.substr(sizeof(header) + header.variable_bytes, header.app_bytes);
  return content;
}

}  // namespace tflm_training
