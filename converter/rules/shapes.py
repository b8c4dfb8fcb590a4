"""What every rule takes for granted of shapes: a file may state any, and a gradient trusts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from converter.model.graph import Operator, Tensor
from converter.model.schema import schema
from converter.rules.parameters import bias_of, filter_of, input_of


def misfit(operator: Operator) -> str | None:
    """Why the shapes of an operator that has a rule contradict each other, or None."""
    for tensor in operator.tensors():
        if tensor.shape and min(tensor.shape) < 1:
            return f"tensor {tensor} has no elements"
    return _FAULTS[operator.name](operator)


def _same_elements(operator: Operator) -> str | None:
    source, output = operator.inputs[0], operator.output
    if source is not None and source.elements != output.elements:
        return f"output {output} and input {source} have different sizes"
    return None


def _window(
    operator: Operator, taps: tuple[int, int], dilations: tuple[int, int] = (1, 1)
) -> str | None:
    """A window slides over the input with the operator's strides and padding and makes the
    output's height and width; that of TRANSPOSE_CONV slides over the output. Padding that was
    folded in is not checked again."""
    options, source = operator.options, input_of(operator)
    fine, coarse = source, operator.output
    if operator.name == "TRANSPOSE_CONV":
        fine, coarse = coarse, fine
    strides = (options.strideH, options.strideW)
    if min(*taps, *strides, *dilations) < 1:
        return f"{operator.output} has a stride, dilation or window below 1"
    if options.padding not in (schema.Padding.SAME, schema.Padding.VALID):
        return f"{operator.output} has an unknown padding {options.padding}"
    if operator.padding is not None:
        return None
    for axis in range(2):
        size, stride = fine.shape[1 + axis], strides[axis]
        extent = (taps[axis] - 1) * dilations[axis] + 1
        same = options.padding == schema.Padding.SAME
        expected = -(-size // stride) if same else (size - extent) // stride + 1
        if coarse.shape[1 + axis] != expected:
            return f"output {operator.output} does not follow from input {source}"
    return None


def _convolution(operator: Operator) -> str | None:
    """Input, filter, bias and output of a layer fit."""
    source, weights, output = input_of(operator), filter_of(operator), operator.output
    axis = 3 if operator.name == "DEPTHWISE_CONV_2D" else 0
    channels = weights.shape[axis]
    quantization = weights.quantization
    if quantization is not None and quantization.scale.size > 1:
        if quantization.quantized_dimension != axis:
            return f"filter {weights} has scales along axis {quantization.quantized_dimension}"
    bias = bias_of(operator)
    if bias is not None and (
        bias.elements != channels or not (bias.is_constant or bias.is_variable)
    ):
        return f"bias {bias} is not a constant of {channels} values"
    if bias is not None and bias.quantization is None:
        return f"bias {bias} has no quantisation; quantise the model to full int8"
    if operator.name == "FULLY_CONNECTED":
        rows, rest = divmod(source.elements, weights.shape[1])
        if rest or output.elements != rows * channels or output.shape[-1] != channels:
            return f"output {output} does not follow from input {source} and filter {weights}"
        return None
    if source.shape[0] != output.shape[0] or output.shape[3] != channels:
        return f"output {output} does not follow from input {source} and filter {weights}"
    if axis == 3 and weights.shape[0] != 1:
        return f"filter {weights} is not depthwise"
    if operator.name == "TRANSPOSE_CONV":
        if weights.shape[3] != source.shape[3]:
            return f"filter {weights} does not fit input {source}"
        return _window(operator, (weights.shape[1], weights.shape[2]))
    options = operator.options
    dilations = (options.dilationHFactor, options.dilationWFactor)
    return _window(operator, (weights.shape[1], weights.shape[2]), dilations)


def _pool(operator: Operator) -> str | None:
    source, output = operator.inputs[0], operator.output
    assert source is not None
    if source.shape[0] != output.shape[0] or source.shape[3] != output.shape[3]:
        return f"output {output} does not follow from input {source}"
    return _window(operator, (operator.options.filterHeight, operator.options.filterWidth))


def _broadcast(operator: Operator) -> str | None:
    """The output of two inputs has the shape that they are broadcast to."""
    shapes = [t.shape for t in operator.inputs if t is not None]
    message = f"output {operator.output} does not follow from inputs {shapes[0]}, {shapes[1]}"
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return message
    return message if shape != operator.output.shape else None


def _input_and_constant(operator: Operator) -> tuple[Tensor, np.ndarray | None]:
    """The first input, and the second's content: None, which rules refuse, if not constant."""
    source, constant = operator.inputs[:2]
    assert source is not None
    return source, None if constant is None else constant.data


def _reduction(operator: Operator) -> str | None:
    """Axes are integers of any shape, which may count from the end."""
    output = operator.output
    source, axes = _input_and_constant(operator)
    if axes is None:
        return None
    rank = len(source.shape)
    if axes.dtype.kind != "i" or ((axes < -rank) | (axes >= rank)).any():
        return f"axes {axes.reshape(-1).tolist()[:8]} of input {source} do not exist"
    reduced = {int(axis) % rank for axis in axes.reshape(-1)}
    if output.elements != math.prod(d for i, d in enumerate(source.shape) if i not in reduced):
        return f"output {output} does not follow from input {source}"
    return None


def _padding(operator: Operator) -> str | None:
    """Paddings are integers [rank, 2]."""
    output = operator.output
    source, paddings = _input_and_constant(operator)
    if paddings is None:
        return None
    if paddings.dtype.kind != "i" or paddings.size != 2 * len(source.shape) or (paddings < 0).any():
        return f"paddings of output {output} are not those of input {source}"
    total = [before + after for before, after in paddings.reshape(-1, 2).tolist()]
    if output.shape != tuple(d + p for d, p in zip(source.shape, total, strict=True)):
        return f"output {output} does not follow from input {source} and its paddings"
    return None


def _concatenation(operator: Operator) -> str | None:
    output = operator.output
    rank, axis = len(output.shape), int(operator.options.axis)
    shapes = [t.shape for t in operator.inputs if t is not None]
    if not -rank <= axis < rank or len(shapes) != len(operator.inputs):
        return f"output {output} has no axis {axis}, or an input is missing"
    axis %= rank
    others = {(len(s), s[:axis], s[axis + 1 :]) for s in (output.shape, *shapes)}
    if len(others) != 1 or sum(s[axis] for s in shapes) != output.shape[axis]:
        return f"output {output} does not follow from its inputs"
    return None


_FAULTS: Mapping[str, Callable[[Operator], str | None]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), _convolution),
    "TRANSPOSE_CONV": _convolution,
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
    **dict.fromkeys(("ADD", "SUB", "MUL"), _broadcast),
    **dict.fromkeys(("PAD", "PADV2"), _padding),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "QUANTIZE"), _same_elements),
    **dict.fromkeys(("HARD_SWISH", "LEAKY_RELU", "LOGISTIC"), _same_elements),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _same_elements),
    "MEAN": _reduction,
    "CONCATENATION": _concatenation,
}
