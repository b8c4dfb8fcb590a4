// In place of TFLite Micro's header of this name, which takes seconds to compile in each file:
// the headers that operators include mention no more of the flatbuffer's schema than this.
#ifndef TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_
#define TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_

#include <cstdint>

namespace tflite {

struct Buffer;
struct Model;
struct Operator;
struct SubGraph;
struct Tensor;
enum BuiltinOperator : std::int32_t;
enum TensorType : std::int8_t;

}  // namespace tflite

#endif  // TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_
