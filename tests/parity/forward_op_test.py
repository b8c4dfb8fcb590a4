"""TRAINING_CONV_2D and TRAINING_DEPTHWISE_CONV_2D equal TFLite Micro's own operators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from converter.ir.activation import activation_range
from converter.ir.requantisation import requantisation_tables
from converter.ir.training_ops import ConvGeometry, TrainingConv2D, TrainingDepthwiseConv2D
from converter.model import Graph, Model, Operator, Quantization, Tensor
from converter.model.schema import schema
from converter.model.writer import write_model
from converter.rules import rule_of
from converter.rules.convolution import ConvolutionRule
from tests.parity.cases import generators
from tflm_training._library import runtime

_INT8, _INT32 = np.dtype(np.int8), np.dtype(np.int32)
_ARENA_BYTES = 1 << 20
_CASES = 60
_ACTIVATIONS = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)


def _activation(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    quantization = Quantization.per_tensor(
        float(rng.uniform(0.01, 0.2)), int(rng.choice((-128, 127, 0, rng.integers(-128, 128))))
    )
    return Tensor(name, shape, _INT8, quantization)


def _operator(
    name: str,
    rng: np.random.Generator,
    source: Tensor,
    filter_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    per_channel: bool,
    options: object,
    options_type: int,
) -> Operator:
    axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
    channels = filter_shape[axis]
    scales = rng.uniform(0.001, 0.02, channels if per_channel else 1).astype(np.float32)
    zeros = np.zeros(scales.size, np.int64)
    weights = generators.weights(rng, filter_shape)
    filter_ = Tensor("filter", filter_shape, _INT8, Quantization(scales, zeros, axis), weights)
    assert source.quantization is not None
    bias_scales = scales * source.quantization.scale
    values = rng.integers(-(2**14), 2**14, channels).astype(np.int32)
    bias = Tensor("bias", (channels,), _INT32, Quantization(bias_scales, zeros, 0), values)
    output = _activation("output", output_shape, rng)
    options.fusedActivationFunction = int(rng.choice(_ACTIVATIONS))  # type: ignore[attr-defined]
    # The host's DEPTHWISE_CONV_2D does not survive an absent bias.
    has_bias = name == "DEPTHWISE_CONV_2D" or rng.random() < 0.7
    inputs = [source, filter_, bias if has_bias else None]
    return Operator(name, inputs, [output], options, options_type)


def _conv(rng: np.random.Generator, depthwise: bool) -> Operator:
    """A random CONV_2D or DEPTHWISE_CONV_2D, padding SAME or VALID."""
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    window, stride = (int(v) for v in rng.choice((1, 2, 3, 5), 2)), int(rng.integers(1, 4))
    kernel_height, kernel_width = window
    dilation = int(rng.integers(1, 4)) if stride == 1 else 1
    height, width = (int(v) for v in rng.integers(1, 12, 2))
    inputs = int(rng.choice((1, 2, 3, 7, 16, 40)))
    multiplier = int(rng.choice((1, 1, 2, 3)))
    outputs = inputs * multiplier if depthwise else int(rng.choice((1, 3, 8, 20)))
    spans = [(k - 1) * dilation + 1 for k in (kernel_height, kernel_width)]
    same = rng.random() < 0.5 or height < spans[0] or width < spans[1]
    sizes = [
        -(-size // stride) if same else (size - span) // stride + 1
        for size, span in zip((height, width), spans, strict=True)
    ]
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = dilation
    if depthwise:
        options.depthMultiplier = multiplier
    filter_shape = (1, kernel_height, kernel_width, outputs)
    return _operator(
        name,
        rng,
        _activation("input", (1, height, width, inputs), rng),
        filter_shape if depthwise else (outputs, kernel_height, kernel_width, inputs),
        (1, *sizes, outputs),
        per_channel=depthwise or rng.random() < 0.8,
        options=options,
        options_type=getattr(schema.BuiltinOptions, type(options).__name__[:-1]),
    )


def _fully_connected(rng: np.random.Generator) -> Operator:
    rows, inputs, outputs = int(rng.integers(1, 5)), int(rng.choice((1, 9, 64, 300))), 12
    options = schema.FullyConnectedOptionsT()
    return _operator(
        "FULLY_CONNECTED",
        rng,
        _activation("input", (rows, inputs), rng),
        (outputs, inputs),
        (rows, outputs),
        per_channel=rng.random() < 0.5,
        options=options,
        options_type=schema.BuiltinOptions.FullyConnectedOptions,
    )


def _geometry(operator: Operator) -> ConvGeometry:
    rule = rule_of(operator.name)
    assert isinstance(rule, ConvolutionRule)
    return rule.geometry(operator)


def _training_operator(operator: Operator, geometry: ConvGeometry) -> Operator:
    source, filter_, bias = operator.inputs
    assert source is not None and filter_ is not None
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    op = TrainingDepthwiseConv2D if depthwise else TrainingConv2D
    low, high = activation_range(operator.output, operator.options.fusedActivationFunction)
    options = op(
        **dataclasses.asdict(geometry),
        input_zero_point=source.zero_point,
        output_zero_point=operator.output.zero_point,
        activation_min=low,
        activation_max=high,
    )
    assert filter_.quantization is not None
    tables = requantisation_tables(
        source.scale,
        filter_.quantization.scale,
        operator.output.scale,
        fully_connected=operator.name == "FULLY_CONNECTED",
    )
    multiplier, shift = (Tensor("table", t.shape, t.dtype, data=t) for t in tables)
    return Operator(
        op.CUSTOM_CODE,
        [source, filter_, bias, multiplier, shift, None],
        [operator.output],
        custom_options=options.pack(),
        is_custom=True,
    )


def _run(operators: list[Operator], values: np.ndarray) -> np.ndarray:
    source = operators[0].inputs[0]
    assert source is not None
    graph = Graph([source], [operators[-1].output], operators)
    interpreter = runtime().Interpreter(write_model(Model(graph)), _ARENA_BYTES)
    interpreter.set_input(0, values)
    interpreter.invoke()
    return interpreter.get_output(0)


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_output_is_that_of_the_operator(name: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(_CASES):
        if name == "FULLY_CONNECTED":
            operator = _fully_connected(rng)
        else:
            operator = _conv(rng, depthwise=name == "DEPTHWISE_CONV_2D")
        source = operator.inputs[0]
        assert source is not None
        values = generators.activations(rng, source.shape)
        training = _training_operator(operator, _geometry(operator))
        np.testing.assert_array_equal(
            _run([operator], values), _run([training], values), err_msg=str(operator.inputs)
        )


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_pad_before_it_is_part_of_the_geometry(depthwise: bool) -> None:
    rng = np.random.default_rng(6)
    for _ in range(_CASES):
        operator = _conv(rng, depthwise)
        padded = operator.inputs[0]
        assert padded is not None
        before = [int(rng.integers(0, size)) for size in padded.shape[1:3]]
        after = [
            int(rng.integers(0, size - b))
            for size, b in zip(padded.shape[1:3], before, strict=True)
        ]
        inner = tuple(
            size - b - a for size, b, a in zip(padded.shape[1:3], before, after, strict=True)
        )
        source = Tensor("inner", (1, *inner, padded.shape[3]), padded.dtype, padded.quantization)
        paddings = np.array([[0, 0], *zip(before, after, strict=True), [0, 0]], np.int32)
        pad = Operator(
            "PAD",
            [source, Tensor("paddings", (4, 2), _INT32, data=paddings)],
            [padded],
            schema.PadOptionsT(),
            schema.BuiltinOptions.PadOptions,
        )
        geometry = _geometry(operator)
        folded = dataclasses.replace(
            geometry,
            input_height=inner[0],
            input_width=inner[1],
            padding_top=geometry.padding_top + before[0],
            padding_left=geometry.padding_left + before[1],
        )
        training = _training_operator(operator, folded)
        training.inputs[0] = source
        values = generators.activations(rng, source.shape)
        np.testing.assert_array_equal(_run([pad, operator], values), _run([training], values))
