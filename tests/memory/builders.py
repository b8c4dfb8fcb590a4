"""Builders of one-operator models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.model import Graph, Model, Operator, Quantization, Tensor
from converter.model.schema import schema

Shape = tuple[int, ...]
INT8, INT32, FLOAT32 = np.dtype(np.int8), np.dtype(np.int32), np.dtype(np.float32)


def activation(
    shape: Shape, scale: float = 0.05, zero_point: int = -3, dtype: Any = INT8
) -> Tensor:
    quantization = None
    if dtype in (INT8, np.dtype(np.int16)):
        quantization = Quantization.per_tensor(scale, zero_point)
    return Tensor("activation", shape, np.dtype(dtype), quantization)


def weights(shape: Shape, channels: int = 1, axis: int = 0) -> Tensor:
    scale = np.full(channels, 0.02, np.float32)
    quantization = Quantization(scale, np.zeros(channels, np.int64), axis)
    return Tensor("weights", shape, INT8, quantization, np.ones(shape, np.int8))


def bias(channels: int, scales: int = 1) -> Tensor:
    scale = np.full(scales, 0.05 * 0.02, np.float32)
    quantization = Quantization(scale, np.zeros(scales, np.int64))
    return Tensor("bias", (channels,), INT32, quantization, np.zeros(channels, np.int32))


def constant(values: Any, dtype: Any = np.int32) -> Tensor:
    data = np.array(values, dtype)
    return Tensor("constant", data.shape, data.dtype, data=data)


def options(kind: str | None, **fields: Any) -> tuple[Any, int]:
    if kind is None:
        return None, 0
    value = getattr(schema, f"{kind}T")()
    for name, field in fields.items():
        setattr(value, name, field)
    return value, getattr(schema.BuiltinOptions, kind)


def model(
    name: str,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    kind: str | None = None,
    **fields: Any,
) -> Model:
    value, value_type = options(kind, **fields)
    operator = Operator(name, list(inputs), list(outputs), value, value_type)
    graph_inputs = [t for t in inputs if t is not None and not t.is_constant and not t.is_variable]
    return Model(Graph(graph_inputs, list(outputs), [operator]))


def conv_2d(
    source: Shape, output: Shape, kernel: tuple[int, int], stride: int = 1, dilation: int = 1,
    padding: int = 0, channels: int | None = None,
) -> Model:  # fmt: skip
    depth = output[3]
    return model(
        "CONV_2D",
        [
            activation(source),
            weights((depth, *kernel, channels or source[3]), depth),
            bias(depth, depth),
        ],
        [activation(output)],
        "Conv2DOptions",
        strideH=stride, strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation,
        padding=padding,
    )  # fmt: skip


def depthwise_conv_2d(
    source: Shape, output: Shape, kernel: tuple[int, int], stride: int = 1, dilation: int = 1
) -> Model:
    depth = output[3]
    return model(
        "DEPTHWISE_CONV_2D",
        [activation(source), weights((1, *kernel, depth), depth, 3), bias(depth, depth)],
        [activation(output)],
        "DepthwiseConv2DOptions",
        strideH=stride, strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation,
        depthMultiplier=depth // source[3],
    )  # fmt: skip


def fully_connected(
    source: Shape, output: Shape, with_bias: bool = True, channels: int = 1
) -> Model:
    return model(
        "FULLY_CONNECTED",
        [
            activation(source),
            weights((output[-1], source[-1]), channels),
            bias(output[-1], channels) if with_bias else None,
        ],
        [activation(output)],
        "FullyConnectedOptions",
        keepNumDims=len(output) > 2,
    )


def pool_2d(name: str, source: Shape, output: Shape, size: int) -> Model:
    return model(
        name, [activation(source)], [activation(output)], "Pool2DOptions",
        strideH=size, strideW=size, filterHeight=size, filterWidth=size, padding=1,
    )  # fmt: skip


def reduction(name: str, source: Shape, output: Shape, axes: Sequence[int]) -> Model:
    keep = len(source) == len(output)
    return model(
        name, [activation(source), constant(axes)], [activation(output)], "ReducerOptions",
        keepDims=keep,
    )  # fmt: skip


def transpose_conv(source: Shape, output: Shape, kernel: int, stride: int) -> Model:
    depth = output[3]
    return model(
        "TRANSPOSE_CONV",
        [constant(output), weights((depth, kernel, kernel, source[3]), depth), activation(source)],
        [activation(output)],
        "TransposeConvOptions",
        strideH=stride, strideW=stride,
    )  # fmt: skip


def svdf() -> Model:
    state = Tensor(
        "state", (1, 24), np.dtype(np.int16), Quantization.per_tensor(0.01, 0), is_variable=True
    )
    time = Tensor(
        "time", (6, 4), np.dtype(np.int16), Quantization.per_tensor(0.05, 0),
        np.ones((6, 4), np.int16),
    )  # fmt: skip
    terms = Tensor("bias", (3,), INT32, Quantization.per_tensor(0.0005, 0), np.zeros(3, np.int32))
    return model(
        "SVDF", [activation((1, 5)), weights((6, 5)), time, terms, state],
        [activation((1, 3))], "SVDFOptions", rank=2,
    )  # fmt: skip


def lstm() -> Model:
    hidden, features = 7, 5
    output_state = activation((1, hidden), 1 / 128, 0)
    cell_state = activation((1, hidden), 2.0**-12, 0, np.int16)
    output_state.is_variable = cell_state.is_variable = True
    inputs: list[Tensor | None] = [activation((1, 6, features))]
    inputs += [weights((hidden, features)) for _ in range(4)]
    inputs += [weights((hidden, hidden)) for _ in range(4)]
    inputs += [None] * 3 + [bias(hidden) for _ in range(4)] + [None] * 2
    inputs += [output_state, cell_state] + [None] * 4
    return model(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [activation((1, 6, hidden), 1 / 128, 0)],
        "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4, cellClip=10.0,
    )  # fmt: skip


def elementwise(name: str, kind: str | None, left: Shape, right: Shape | None = None) -> Model:
    shapes = [left] if right is None else [left, right]
    return model(name, [activation(s) for s in shapes], [activation(left)], kind)


def float_model(name: str, inputs: int, kind: str | None = None) -> Model:
    operands = [activation((1, 9), dtype=FLOAT32) for _ in range(inputs)]
    return model(name, operands, [activation((1, 9), dtype=FLOAT32)], kind)


def comparison(name: str) -> Model:
    return model(
        name, [activation((1, 9)), activation((1, 9))], [activation((1, 9), dtype=np.bool_)]
    )


def logical(name: str, inputs: int) -> Model:
    operands = [activation((1, 9), dtype=np.bool_) for _ in range(inputs)]
    return model(name, operands, [activation((1, 9), dtype=np.bool_)])
