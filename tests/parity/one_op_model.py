"""Flatbuffers of a single custom operator, and running them in TFLite Micro."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.parity.case import Case
from tflm_training._library import runtime

_TENSOR_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(bool): schema.TensorType.BOOL,
}
# The arena of the host build; most are small operators on small maps.
_ARENA_BYTES = 1 << 20


def build(
    custom_code: str,
    options: bytes,
    inputs: Sequence[np.ndarray | None],
    outputs: Sequence[tuple[tuple[int, ...], type]],
    constant: Sequence[int] = (),
) -> bytes:
    """A model of one operator. Inputs that are not `constant` are the graph's inputs."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = schema.BuiltinOperator.CUSTOM
    operator_code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    operator_code.customCode = custom_code
    operator_code.version = 1
    model.operatorCodes = [operator_code]

    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs = [], [], []
    operator = schema.OperatorT()
    operator.customOptions = np.frombuffer(options, np.uint8)
    operator.inputs, operator.outputs = [], []

    def add_tensor(name: str, shape: tuple[int, ...], dtype: type | np.dtype) -> int:
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = list(shape)
        tensor.type = _TENSOR_TYPES[np.dtype(dtype)]
        tensor.buffer = 0
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    for i, array in enumerate(inputs):
        if array is None:
            operator.inputs.append(-1)
            continue
        index = add_tensor(f"input_{i}", array.shape, array.dtype)
        operator.inputs.append(index)
        if i in constant:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(array.tobytes(), np.uint8)
            model.buffers.append(buffer)
            graph.tensors[index].buffer = len(model.buffers) - 1
        else:
            graph.inputs.append(index)
    for i, (shape, dtype) in enumerate(outputs):
        operator.outputs.append(add_tensor(f"output_{i}", shape, dtype))
    graph.outputs = list(operator.outputs)
    graph.operators = [operator]
    model.subgraphs = [graph]

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class OneOp:
    """A case in TFLite Micro, ready to be invoked as often as one likes."""

    def __init__(self, case: Case) -> None:
        options = case.options
        model = build(options.CUSTOM_CODE, options.pack(), case.inputs, case.outputs, case.constant)
        tensors = sum(array.nbytes for array in case.inputs if array is not None)
        self._interpreter = runtime().Interpreter(model, _ARENA_BYTES + tensors)
        graph_inputs = [
            i for i, array in enumerate(case.inputs) if array is not None and i not in case.constant
        ]
        self._position = {i: position for position, i in enumerate(graph_inputs)}
        self._case = case
        for i in graph_inputs:
            array = case.inputs[i]
            assert array is not None
            self.set_input(i, array)

    def set_input(self, index: int, values: np.ndarray) -> None:
        """Sets input `index` of the operator."""
        self._interpreter.set_input(self._position[index], values)

    def invoke(self) -> list[np.ndarray]:
        """The outputs, then the inputs that are written."""
        self._interpreter.invoke()
        outputs = [self._interpreter.get_output(i) for i in range(len(self._case.outputs))]
        written = [self._interpreter.get_input(self._position[i]) for i in self._case.written]
        return outputs + written
