// Numbers of the device protocol, docs/device_protocol.md. Everything is little endian.
#ifndef EXAMPLES_STM32F746_PROTOCOL_H_
#define EXAMPLES_STM32F746_PROTOCOL_H_

#include <cstddef>
#include <cstdint>

namespace device {

constexpr uint8_t kProtocolVersion = 2;
constexpr uint8_t kMagic[2] = {'T', 'M'};

// magic, version, type, sequence (uint16), payload length (uint16); after the payload
// comes the CRC-32 of all before it.
constexpr size_t kHeaderBytes = 8;
constexpr size_t kCrcBytes = 4;
constexpr size_t kMaxPayloadBytes = 1024;
constexpr size_t kMaxFrameBytes = kHeaderBytes + kMaxPayloadBytes + kCrcBytes;

// A partial frame is given up when no byte has come for so long.
constexpr uint32_t kGapMilliseconds = 100;

// How long a restore waits for a piece of the checkpoint before it asks again, and how often.
constexpr uint32_t kPieceMilliseconds = 500;
constexpr int kPieceAttempts = 6;

// Requests; the reply has kReplyBit set, or is kError.
enum Type : uint8_t {
  kInfo = 1,
  kWriteSample = 2,
  kStep = 3,
  kReadOutput = 4,
  kReset = 5,
  kReadCheckpoint = 6,
  kRestore = 7,
  kCheckpointPiece = 8,  // the device asks (kReplyBit set), the host answers
  kReplyBit = 0x80,
  kError = 0xFF,
};

enum class ErrorCode : uint8_t {
  kBadFrame = 1,         // wrong CRC or length: send it again
  kWrongVersion = 2,     // another protocol version; the reply's header has the device's
  kUnknownType = 3,      // no such request
  kBadLength = 4,        // a payload of a wrong length, or too few bytes of a sample
  kBadArgument = 5,      // an offset, label or learning rate out of range
  kNotReady = 6,         // the model did not start; the text says why
  kTrainingFailed = 7,   // TFLM's Invoke() failed, or the loss is not finite
  kCheckpointFailed = 8,  // a checkpoint of another model, or a damaged one
};

}  // namespace device

#endif  // EXAMPLES_STM32F746_PROTOCOL_H_
