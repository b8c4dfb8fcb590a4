"""Writes the object graph as a TFLite flatbuffer."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

from converter.model.graph import Graph, Model, Operator, Quantization, Signature, Tensor
from converter.model.schema import FILE_IDENTIFIER, OPERATOR_CODES, TENSOR_TYPES, schema

# TFLM reads weights in place and its SIMD kernels want them aligned (schema: force_align 16).
BUFFER_ALIGNMENT = 16
_SCHEMA_VERSION = 3
# deprecated_builtin_code is an int8; larger codes hold this placeholder there.
_PLACEHOLDER_CODE = 127


class _AlignedBuilder(flatbuffers.Builder):
    """Aligns byte vectors, which the schema's Python code packs at 4 bytes."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803
        if elemSize == 1:
            alignment = BUFFER_ALIGNMENT
        return super().StartVector(elemSize, numElems, alignment)


def write_model(model: Model) -> bytes:
    """The model as flatbuffer bytes. Tensor order is that of `Graph.tensors()`.

    Every constant starts at a multiple of 16 bytes from the start of the file.
    """
    graph = model.graph
    tensors = graph.tensors()
    index = {id(tensor): i for i, tensor in enumerate(tensors)}
    buffers = [schema.BufferT()]  # buffer 0 means "no content"
    codes: dict[tuple[str, bool, int], int] = {}

    packed = schema.ModelT()
    packed.version = _SCHEMA_VERSION
    packed.description = model.description
    packed.subgraphs = [_subgraph(graph, tensors, index, buffers, codes)]
    packed.operatorCodes = [_operator_code(*key) for key in codes]
    packed.signatureDefs = [_signature(s, index) for s in model.signatures] or None
    packed.metadata = []
    for name, content in model.metadata.items():
        entry = schema.MetadataT()
        entry.name = name
        entry.buffer = _add_buffer(buffers, np.frombuffer(content, np.uint8))
        packed.metadata.append(entry)
    packed.buffers = buffers

    builder = _AlignedBuilder(1 << 20)
    builder.Finish(packed.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _add_buffer(buffers: list[Any], content: np.ndarray) -> int:
    buffer = schema.BufferT()
    buffer.data = np.ascontiguousarray(content).view(np.uint8).reshape(-1)
    buffers.append(buffer)
    return len(buffers) - 1


def _subgraph(
    graph: Graph,
    tensors: list[Tensor],
    index: dict[int, int],
    buffers: list[Any],
    codes: dict[tuple[str, bool, int], int],
) -> Any:
    packed = schema.SubGraphT()
    packed.name = graph.name
    packed.tensors = [_tensor(t, buffers) for t in tensors]
    packed.inputs = _index_vector(graph.inputs, index)
    packed.outputs = _index_vector(graph.outputs, index)
    packed.operators = [_operator(o, index, codes) for o in graph.operators]
    return packed


def _index_vector(tensors: list[Any], index: dict[int, int]) -> np.ndarray:
    return np.array([-1 if t is None else index[id(t)] for t in tensors], np.int32)


def _tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    packed = schema.TensorT()
    packed.name = tensor.name
    packed.shape = np.array(tensor.shape, np.int32)
    packed.type = TENSOR_TYPES[tensor.dtype] if tensor.tensor_type is None else tensor.tensor_type
    packed.isVariable = tensor.is_variable
    packed.quantization = _quantization(tensor.quantization)
    packed.buffer = 0 if tensor.data is None else _add_buffer(buffers, tensor.data)
    if tensor.shape_signature is not None:
        packed.shapeSignature = np.array(tensor.shape_signature, np.int32)
    return packed


def _quantization(quantization: Quantization | None) -> Any:
    packed = schema.QuantizationParametersT()
    if quantization is not None:
        packed.scale = quantization.scale
        packed.zeroPoint = quantization.zero_point
        packed.quantizedDimension = quantization.quantized_dimension
    return packed


def _operator(
    operator: Operator, index: dict[int, int], codes: dict[tuple[str, bool, int], int]
) -> Any:
    assert operator.padding is None or operator.is_custom, "explicit padding was not lowered"
    key = (operator.name, operator.is_custom, operator.version)
    packed = schema.OperatorT()
    packed.opcodeIndex = codes.setdefault(key, len(codes))
    packed.inputs = _index_vector(operator.inputs, index)
    packed.outputs = _index_vector(operator.outputs, index)
    packed.builtinOptions = operator.options
    packed.builtinOptionsType = operator.options_type
    packed.builtinOptions2 = operator.options_2
    packed.builtinOptions2Type = operator.options_2_type
    if operator.intermediates:
        packed.intermediates = _index_vector(operator.intermediates, index)
    if operator.custom_options is not None:
        packed.customOptions = np.frombuffer(operator.custom_options, np.uint8)
    return packed


def _operator_code(name: str, is_custom: bool, version: int) -> Any:
    packed = schema.OperatorCodeT()
    code = schema.BuiltinOperator.CUSTOM if is_custom else OPERATOR_CODES[name]
    packed.builtinCode = code
    packed.deprecatedBuiltinCode = min(code, _PLACEHOLDER_CODE)
    packed.version = version
    if is_custom:
        packed.customCode = name
    return packed


def _signature(signature: Signature, index: dict[int, int]) -> Any:
    packed = schema.SignatureDefT()
    packed.signatureKey = signature.key
    packed.inputs = [_tensor_map(n, t, index) for n, t in signature.inputs.items()]
    packed.outputs = [_tensor_map(n, t, index) for n, t in signature.outputs.items()]
    return packed


def _tensor_map(name: str, tensor: Tensor, index: dict[int, int]) -> Any:
    packed = schema.TensorMapT()
    packed.name = name
    packed.tensorIndex = index[id(tensor)]
    return packed
