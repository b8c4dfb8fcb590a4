// The Python face of Interpreter. The TFLite Micro host library and _debug_log must be
// in the process before this module: tflm_training/_library.py sees to that.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "tflm_training/_runtime_checkpoint.h"
#include "tflm_training/_runtime_interpreter.h"
#include "tflm_training/_runtime_replay.h"

namespace py = pybind11;

namespace tflm_training {
namespace {

py::dtype ToDtype(const TensorInfo& info) {
  switch (info.type) {
    case kTfLiteFloat32: return py::dtype::of<float>();
    case kTfLiteInt8: return py::dtype::of<std::int8_t>();
    case kTfLiteUInt8: return py::dtype::of<std::uint8_t>();
    case kTfLiteInt16: return py::dtype::of<std::int16_t>();
    case kTfLiteInt32: return py::dtype::of<std::int32_t>();
    case kTfLiteInt64: return py::dtype::of<std::int64_t>();
    case kTfLiteBool: return py::dtype::of<bool>();
    default: throw py::value_error("tensor " + info.name + " has a type that is not supported");
  }
}

py::array Copy(const TensorView& view) {
  py::array result(ToDtype(*view.info), view.info->shape);
  std::memcpy(result.mutable_data(), view.data, view.bytes);
  return result;
}

void Assign(const TensorView& view, const py::array& values) {
  const py::array contiguous = py::array::ensure(values, py::array::c_style);
  const py::dtype expected = ToDtype(*view.info);
  if (!contiguous.dtype().equal(expected)) {
    throw py::value_error("tensor '" + view.info->name + "' takes " +
                          py::str(expected).cast<std::string>() + ", not " +
                          py::str(contiguous.dtype()).cast<std::string>());
  }
  if (static_cast<std::size_t>(contiguous.nbytes()) != view.bytes) {
    throw py::value_error("tensor '" + view.info->name + "' takes " +
                          std::to_string(view.bytes) + " bytes, not " +
                          std::to_string(contiguous.nbytes()));
  }
  std::memcpy(view.data, contiguous.data(), view.bytes);
}

void SetTensor(Interpreter& interpreter, int index, const py::array& values) {
  const TensorView view = interpreter.Tensor(index);
  if (view.info->is_constant) {
    throw py::value_error("tensor '" + view.info->name + "' is a constant");
  }
  Assign(view, values);
}

py::object Metadata(const Interpreter& interpreter, const std::string& name) {
  const tflite::Buffer* buffer = interpreter.Metadata(name);
  if (buffer == nullptr) return py::none();
  if (buffer->data() == nullptr) return py::bytes();
  return py::bytes(reinterpret_cast<const char*>(buffer->data()->data()), buffer->data()->size());
}

}  // namespace

PYBIND11_MODULE(_runtime, module) {
  module.doc() = "TFLite Micro's interpreter with the training operators.";

  py::class_<TensorInfo>(module, "TensorInfo", "A tensor of the flatbuffer.")
      .def_readonly("index", &TensorInfo::index)
      .def_readonly("name", &TensorInfo::name)
      .def_property_readonly("shape", [](const TensorInfo& info) { return py::tuple(py::cast(info.shape)); })
      .def_property_readonly("dtype", &ToDtype)
      .def_readonly("scale", &TensorInfo::scale, "0.0 if the tensor is not quantised.")
      .def_readonly("zero_point", &TensorInfo::zero_point)
      .def_readonly("is_variable", &TensorInfo::is_variable)
      .def_readonly("is_constant", &TensorInfo::is_constant);

  py::class_<RecordedTensor>(module, "RecordedTensor", "A tensor's memory around one operator.")
      .def_readonly("index", &RecordedTensor::index)
      .def_readonly("address", &RecordedTensor::address)
      .def_property_readonly("before", [](const RecordedTensor& t) { return py::bytes(t.before); })
      .def_property_readonly("after", [](const RecordedTensor& t) { return py::bytes(t.after); });

  py::class_<RecordedOperator>(module, "RecordedOperator",
                               "A custom operator with the tensors that it reads and writes.\n\n"
                               "inputs and outputs are indices of tensors, -1 where there is none.")
      .def_readonly("index", &RecordedOperator::index)
      .def_readonly("custom_code", &RecordedOperator::custom_code)
      .def_property_readonly("options",
                             [](const RecordedOperator& op) { return py::bytes(op.options); })
      .def_readonly("inputs", &RecordedOperator::inputs)
      .def_readonly("outputs", &RecordedOperator::outputs)
      .def_readonly("tensors", &RecordedOperator::tensors);

  py::class_<Interpreter>(module, "Interpreter",
                          "TFLite Micro's interpreter over one model and one arena.\n\n"
                          "Raises ValueError for bytes that are no model, RuntimeError with TFLite\n"
                          "Micro's own text when it fails. Not to be shared between threads.")
      .def(py::init([](const py::bytes& model, std::optional<std::size_t> arena_bytes,
                       bool preserve_all_tensors) {
             return std::make_unique<Interpreter>(model, arena_bytes.value_or(0),
                                                  preserve_all_tensors);
           }),
           py::arg("model"), py::arg("arena_bytes") = py::none(),
           py::arg("preserve_all_tensors") = false,
           "Copies `model`. `arena_bytes` None or 0: as large as it takes, up to 1 GiB.")
      .def("set_input",
           [](Interpreter& self, int i, const py::array& values) { Assign(self.Input(i), values); },
           py::arg("i"), py::arg("values"),
           "Writes input `i`; `values` has its dtype and its number of bytes, in any shape.")
      .def("get_input", [](Interpreter& self, int i) { return Copy(self.Input(i)); }, py::arg("i"),
           "A copy of the memory of input `i`; after invoke() it may hold another tensor.")
      .def("get_output", [](Interpreter& self, int i) { return Copy(self.Output(i)); },
           py::arg("i"), "A copy of output `i`.")
      .def("tensor", [](Interpreter& self, int index) { return Copy(self.Tensor(index)); },
           py::arg("index"),
           "A copy of a constant, a variable or an output; with preserve_all_tensors of any tensor.")
      .def("set_tensor", &SetTensor, py::arg("index"), py::arg("values"),
           "Writes a variable; with preserve_all_tensors any tensor that is not constant.")
      .def("invoke", &Interpreter::Invoke, py::call_guard<py::gil_scoped_release>())
      .def("invoke_recorded", &Interpreter::InvokeRecorded,
           "invoke(), and what each custom operator saw and did, in the order of the operators.")
      .def("reset", &Interpreter::Reset, "As after construction: variables are zero.")
      .def("arena_used_bytes", &Interpreter::ArenaUsedBytes,
           "Bytes of the arena in use on this host; a 32-bit target needs fewer.")
      .def("inputs", &Interpreter::Inputs)
      .def("outputs", &Interpreter::Outputs)
      .def("tensors", &Interpreter::Tensors)
      .def("metadata", &Metadata, py::arg("name"),
           "The flatbuffer's metadata entry `name` as bytes, or None.")
      .def("save_checkpoint",
           [](Interpreter& self, std::uint32_t steps, const py::bytes& app_data) {
             return py::bytes(SaveCheckpoint(self, steps, app_data));
           },
           py::arg("steps"), py::arg("app_data"),
           "The variables as a checkpoint (docs/checkpoint_format.md).")
      .def("restore_checkpoint",
           [](Interpreter& self, const py::bytes& checkpoint) { RestoreCheckpoint(self, checkpoint); },
           py::arg("checkpoint"),
           "Raises ValueError for a checkpoint that is refused, and changes nothing then.");

  py::class_<CheckpointContent>(module, "CheckpointContent", "The parts of a checkpoint.")
      .def_property_readonly("model_id",
                             [](const CheckpointContent& c) { return py::bytes(c.model_id); })
      .def_readonly("steps", &CheckpointContent::steps)
      .def_property_readonly("variables",
                             [](const CheckpointContent& c) { return py::bytes(c.variables); })
      .def_property_readonly("app_data",
                             [](const CheckpointContent& c) { return py::bytes(c.app_data); });

  module.def("read_checkpoint",
             [](const py::bytes& checkpoint) { return ReadCheckpoint(checkpoint); },
             py::arg("checkpoint"),
             "A checkpoint of any model. Raises ValueError if it is not whole.");
  module.def("replayed_indices", &ReplayedIndices, py::arg("labels"), py::arg("capacity"),
             py::arg("classes"), py::arg("seed"));
}

}  // namespace tflm_training
