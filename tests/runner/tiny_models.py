"""Hand-made flatbuffers: one FULLY_CONNECTED, plain or with its training graph."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np

from converter.ir.training_ops import (
    BiasUpdate,
    Conv2DFilterUpdate,
    InitializeVariables,
    MeanSquaredError,
    Options,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from converter.model.graph import Graph, Model, Operator, Quantization, Tensor
from converter.model.schema import schema
from converter.model.writer import write_model

INPUT_SCALE = 0.25
INPUT_ZERO_POINT = -3
FILTER_SCALE = 1.0 / 16.0
OUTPUT_SCALE = 0.5
OUTPUT_ZERO_POINT = 5


def _tensor(name: str, shape: tuple[int, ...], dtype: type, **more: object) -> Tensor:
    return Tensor(name, shape, np.dtype(dtype), **more)  # type: ignore[arg-type]


def _int8(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    return _tensor(name, shape, np.int8, quantization=Quantization.per_tensor(scale, zero_point))


def _constant(name: str, data: np.ndarray) -> Tensor:
    return Tensor(name, data.shape, data.dtype, data=data)


def _training_op(options: Options, inputs: list[Tensor | None], outputs: list[Tensor]) -> Operator:
    return Operator(
        options.CUSTOM_CODE, inputs, outputs, custom_options=options.pack(), is_custom=True
    )


@dataclasses.dataclass
class _Layer:
    input: Tensor
    filter: Tensor
    bias: Tensor
    output: Tensor
    operator: Operator


def _layer(filter_values: np.ndarray, is_variable: bool, input_shape: tuple[int, ...]) -> _Layer:
    outputs, _ = filter_values.shape
    x = _int8("input", input_shape, INPUT_SCALE, INPUT_ZERO_POINT)
    y = _int8("output", (1, outputs), OUTPUT_SCALE, OUTPUT_ZERO_POINT)
    w = _int8("filter", filter_values.shape, FILTER_SCALE, 0)
    b = _tensor(
        "bias",
        (outputs,),
        np.int32,
        quantization=Quantization.per_tensor(INPUT_SCALE * FILTER_SCALE, 0),
    )
    if is_variable:
        w.is_variable = b.is_variable = True
    else:
        w.data, b.data = filter_values, np.zeros(outputs, np.int32)
    options = schema.FullyConnectedOptionsT()
    operator = Operator(
        "FULLY_CONNECTED",
        [x, w, b],
        [y],
        options=options,
        options_type=schema.BuiltinOptions.FullyConnectedOptions,
        version=4,
    )
    return _Layer(x, w, b, y, operator)


def plain_model(filter_values: np.ndarray, input_shape: tuple[int, ...]) -> bytes:
    """int8 FULLY_CONNECTED with `filter_values` [O, I]; real y = x @ (filter / 16)."""
    layer = _layer(filter_values.astype(np.int8), False, input_shape)
    return write_model(Model(Graph([layer.input], [layer.output], [layer.operator])))


def training_model(
    loss: str,
    filter_values: np.ndarray,
    input_shape: tuple[int, ...] | None = None,
    metadata: dict[str, object] | None = None,
) -> bytes:
    """The training flatbuffer of `plain_model`; `metadata` replaces entries of its own."""
    initial = filter_values.astype(np.int8)
    outputs, inputs = initial.shape
    layer = _layer(initial, True, input_shape or (1, inputs))
    state = _tensor("random_state", (1,), np.int32, is_variable=True)
    state.quantization = Quantization.per_tensor(1.0, 0)
    rate = _tensor("learning_rate", (1,), np.float32)
    loss_value = _tensor("loss", (1,), np.float32)
    gradient = _tensor("gradient", (1, outputs), np.int16)
    scale = _tensor("gradient_scale", (2,), np.float32)
    label = _tensor("label", (1,), np.int32)
    if loss == "mse":
        label = _int8("target", (1, outputs), OUTPUT_SCALE, OUTPUT_ZERO_POINT)
    initialize = _training_op(
        InitializeVariables(),
        [
            _constant("initial_filter", initial),
            layer.filter,
            _constant("initial_bias", np.zeros(outputs, np.int32)),
            layer.bias,
            _constant("initial_random_state", np.ones(1, np.int32)),
            state,
        ],
        [],
    )
    loss_op = _loss(loss, outputs, layer.output, label, rate, [loss_value, gradient, scale])
    update_filter = _training_op(
        Conv2DFilterUpdate(
            *(1, 1, inputs, 1, 1, 1, 1, outputs, 1, 1, 1, 1, 0, 0),
            input_zero_point=INPUT_ZERO_POINT,
            channels=inputs,
            clamp=4,
        ),
        [
            *(layer.input, gradient, scale, layer.filter, rate),
            _constant("filter_update_scale", np.array([INPUT_SCALE / FILTER_SCALE], np.float32)),
            state,
            None,
        ],
        [],
    )
    bias_scale = np.array([1.0 / (INPUT_SCALE * FILTER_SCALE)], np.float32)
    update_bias = _training_op(
        BiasUpdate(positions=1, channels=outputs, clamp=127, limit=1 << 24),
        [gradient, scale, layer.bias, rate, _constant("bias_update_scale", bias_scale), state],
        [],
    )
    content = {
        "version": 1,
        "loss": loss,
        "num_classes": outputs if loss == "softmax_cross_entropy" else None,
        "random_state": "random_state",
        **(metadata or {}),
    }
    graph = Graph(
        [layer.input, label, rate],
        [layer.output, loss_value],
        [initialize, layer.operator, loss_op, update_filter, update_bias],
    )
    description = json.dumps(content).encode()
    identity = hashlib.sha256(description + initial.tobytes()).digest()[:16]
    return write_model(
        Model(graph, metadata={"tflm_training": description, "tflm_training_id": identity})
    )


def _loss(
    loss: str, outputs: int, y: Tensor, label: Tensor, rate: Tensor, results: list[Tensor]
) -> Operator:
    if loss == "mse":
        mse = MeanSquaredError(outputs, OUTPUT_SCALE**2 / outputs, 2 * OUTPUT_SCALE / outputs)
        return _training_op(mse, [y, label, rate], results)
    steps = np.arange(256)
    if loss == "sigmoid_cross_entropy":
        real = OUTPUT_SCALE * (steps - 128 - OUTPUT_ZERO_POINT)
        table = np.round(2.0**30 / (1.0 + np.exp(-real))).astype(np.int32)
        options: Options = SigmoidCrossEntropy(gradient_bits=15)
        return _training_op(options, [y, label, rate, _constant("probabilities", table)], results)
    bits = 20
    table = np.round(2.0**bits * np.exp(-OUTPUT_SCALE * steps)).astype(np.int32)
    options = SoftmaxCrossEntropy(
        classes=outputs,
        exponential_bits=bits,
        gradient_bits=15,
        logit_scale_q16=round(65536 * OUTPUT_SCALE),
        beta=1.0,
    )
    return _training_op(options, [y, label, rate, _constant("exponentials", table)], results)
