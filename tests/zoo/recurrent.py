"""Int8 models with a recurrent layer in front of a dense classifier, drawn at random.

TensorFlow's converter makes the operators SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM no longer from a
Keras model, so they are put together here. Nothing in them is trained: a random recurrence keeps
what a classifier behind it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.model import Graph, Model, Operator, Quantization, Tensor, write_model
from converter.model.schema import schema

INPUT_SCALE = 2.0 / 127
_HIDDEN_SCALE = 1.0 / 128  # of what an LSTM says, in -1..1
_CELL_SCALE = 2.0**-12
_WEIGHT_SCALE = 1.0 / 127
_TANH = 4


def lstm_classifier(steps: int, features: int, hidden: int, classes: int, seed: int = 0) -> bytes:
    """[1, steps, features] -> LSTM over all steps -> dense -> softmax [1, classes]."""
    generator = np.random.default_rng(seed)
    source = _activation("sound", (1, steps, features), INPUT_SCALE)
    inputs: list[Tensor | None] = [source]
    inputs += [_weights(generator, f"in_{i}", (hidden, features), 1.0) for i in range(4)]
    inputs += [_weights(generator, f"again_{i}", (hidden, hidden), 0.6) for i in range(4)]
    inputs += [None] * 3
    inputs += [_bias(f"gate_bias_{i}", hidden, INPUT_SCALE * _WEIGHT_SCALE) for i in range(4)]
    output_state = _activation("output_state", (1, hidden), _HIDDEN_SCALE)
    cell_state = _activation("cell_state", (1, hidden), _CELL_SCALE, np.int16)
    output_state.is_variable = cell_state.is_variable = True
    inputs += [None] * 2 + [output_state, cell_state] + [None] * 4
    output = _activation("said", (1, steps, hidden), _HIDDEN_SCALE)
    recurrent = _operator(
        *("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, output, "UnidirectionalSequenceLSTMOptions"),
        fusedActivationFunction=_TANH,
        cellClip=10.0,
    )
    flat = _activation("flat", (1, steps * hidden), _HIDDEN_SCALE)
    shape = Tensor("shape", (2,), np.dtype(np.int32), data=np.array(flat.shape, np.int32))
    reshape = _operator("RESHAPE", [output, shape], flat, "ReshapeOptions", newShape=flat.shape)
    return _classifier(generator, source, [recurrent, reshape], classes)


def svdf_classifier(features: int, units: int, memory: int, classes: int, seed: int = 0) -> bytes:
    """[1, features], one step of a stream -> SVDF that remembers `memory` steps -> dense ->
    softmax [1, classes]."""
    generator = np.random.default_rng(seed)
    source = _activation("frame", (1, features), INPUT_SCALE)
    time_scale = 1.0 / 2**15
    time = Tensor(
        "time",
        (units, memory),
        np.dtype(np.int16),
        Quantization.per_tensor(time_scale, 0),
        generator.integers(-(2**14), 2**14, (units, memory), np.int16),
    )
    state_scale = 4.0 / 2**15
    state = _activation("state", (1, units * memory), state_scale, np.int16)
    state.is_variable = True
    output = _activation("said", (1, units), 2.0 / 127)
    inputs: list[Tensor | None] = [
        source,
        _weights(generator, "feature", (units, features), 0.5),
        time,
        _bias("unit_bias", units, state_scale * time_scale),
        state,
    ]
    recurrent = _operator("SVDF", inputs, output, "SVDFOptions", rank=1)
    return _classifier(generator, source, [recurrent], classes)


def _classifier(
    generator: np.random.Generator, source: Tensor, operators: list[Operator], classes: int
) -> bytes:
    """Two dense layers and a softmax behind the last operator."""
    features = operators[-1].output
    hidden = _activation("hidden", (1, 16), 4.0 / 255, zero_point=-128)
    logits = _activation("logits", (1, classes), 16.0 / 255)
    probabilities = _activation("probabilities", logits.shape, 1.0 / 256, zero_point=-128)
    relu = schema.ActivationFunctionType.RELU
    operators = [
        *operators,
        _dense(generator, "dense", features, hidden, fusedActivationFunction=relu),
        _dense(generator, "classifier", hidden, logits),
        _operator("SOFTMAX", [logits], probabilities, "SoftmaxOptions", beta=1.0),
    ]
    return write_model(Model(Graph([source], [probabilities], operators)))


def _dense(
    generator: np.random.Generator, name: str, source: Tensor, output: Tensor, **fields: Any
) -> Operator:
    weights = _weights(generator, name, (output.elements, source.elements), 0.3)
    bias = _bias(f"{name}_bias", output.elements, source.scale * _WEIGHT_SCALE)
    inputs: list[Tensor | None] = [source, weights, bias]
    return _operator("FULLY_CONNECTED", inputs, output, "FullyConnectedOptions", **fields)


def _operator(
    name: str, inputs: list[Tensor | None], output: Tensor, kind: str, **fields: Any
) -> Operator:
    options = getattr(schema, f"{kind}T")()
    for field, value in fields.items():
        setattr(options, field, value)
    return Operator(name, inputs, [output], options, getattr(schema.BuiltinOptions, kind))


def _activation(
    name: str, shape: tuple[int, ...], scale: float, dtype: type = np.int8, zero_point: int = 0
) -> Tensor:
    return Tensor(name, shape, np.dtype(dtype), Quantization.per_tensor(scale, zero_point))


def _weights(
    generator: np.random.Generator, name: str, shape: tuple[int, int], spread: float
) -> Tensor:
    """Normal, of variance spread^2 / fan-in times 3, cut at +-1."""
    values = generator.standard_normal(shape) * spread * np.sqrt(3 / shape[1])
    data = np.clip(np.round(values / _WEIGHT_SCALE), -127, 127).astype(np.int8)
    return Tensor(name, shape, data.dtype, Quantization.per_tensor(_WEIGHT_SCALE, 0), data)


def _bias(name: str, channels: int, scale: float) -> Tensor:
    quantization = Quantization.per_tensor(scale, 0)
    data = np.zeros(channels, np.int32)
    return Tensor(name, (channels,), data.dtype, quantization, data)
