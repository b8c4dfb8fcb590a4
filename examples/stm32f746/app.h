// The application: answers the host's requests with a training session.
#ifndef EXAMPLES_STM32F746_APP_H_
#define EXAMPLES_STM32F746_APP_H_

#include <cstddef>
#include <cstdint>

#include "examples/stm32f746/link.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tflm_training/training_session.h"

namespace device {

class App {
 public:
  // sample: memory for one sample and, with the mean squared error, its target behind it;
  // sample_capacity bytes. All of it must outlive the App.
  App(tflite::MicroInterpreter& interpreter, tflm_training::TrainingSession& session,
      size_t arena_bytes, uint8_t* sample, size_t sample_capacity)
      : interpreter_(interpreter),
        session_(session),
        arena_bytes_(arena_bytes),
        sample_(sample),
        sample_capacity_(sample_capacity) {}

  // Allocates the tensors and starts the session. If that fails, Run() answers every request
  // with what TFLM logged about it.
  void Start();

  // Answers requests for ever.
  [[noreturn]] void Run();

 private:
  void Answer(const Frame& request);
  void Handle(const Frame& request);

  void Info(const Frame& request);
  void WriteSample(const Frame& request);
  void Step(const Frame& request);
  void ReadOutput(const Frame& request);
  void Reset(const Frame& request);
  void ReadCheckpoint(const Frame& request);
  void Restore(const Frame& request);

  void AppendTensor(const TfLiteTensor& tensor);
  void AppendOutput(size_t offset);
  // What a sample takes of sample_, the target included.
  size_t SampleBytes() const;
  void Fail(ErrorCode code, const char* text);
  // The session's reason, as TFLM logged it.
  void FailWithLog(ErrorCode code);

  tflite::MicroInterpreter& interpreter_;
  tflm_training::TrainingSession& session_;
  const size_t arena_bytes_;
  uint8_t* const sample_;
  const size_t sample_capacity_;
  size_t sample_written_ = 0;  // bytes of the present sample that have arrived
  bool ready_ = false;
  bool failed_ = false;  // whether reply_ is an error

  Link link_;
  // The last reply, kept for a host that did not get it and asks again.
  FrameWriter reply_;
  uint16_t sequence_ = 0;
  uint32_t request_crc_ = 0;
};

}  // namespace device

#endif  // EXAMPLES_STM32F746_APP_H_
