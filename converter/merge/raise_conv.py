"""Turns the project's own convolutions back into TFLite's: the reverse of converter.passes.lower.

Filters have zero point 0 and a scale for the tensor or for each output channel; a bias has the
scales s_x * s_w, as TFLite's converter writes them. The version of the builtin operator stands in
the file as that of the custom one.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from converter.errors import ConverterError
from converter.ir.activation import SUPPORTED_ACTIVATIONS, activation_range
from converter.ir.training_ops import TrainingConv, TrainingConv2D, TrainingDepthwiseConv2D
from converter.model.graph import Operator, Quantization, Tensor
from converter.model.schema import schema

_PAD_VERSION = 2  # int8 (tensorflow/lite/tools/versioning/op_version.cc)
_RECORDS = {r.CUSTOM_CODE: r for r in (TrainingConv2D, TrainingDepthwiseConv2D)}


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One spatial axis of a convolution."""

    size: int
    taps: int
    output: int
    stride: int
    dilation: int
    before: int  # padding at the top or left

    @property
    def extent(self) -> int:
        return (self.taps - 1) * self.dilation + 1

    @property
    def after(self) -> int:
        """Padding at the bottom or right that the last output needs."""
        return max(0, (self.output - 1) * self.stride + self.extent - self.size - self.before)

    @property
    def is_same(self) -> bool:
        """Whether TFLite's SAME pads like this (ComputePaddingHeightWidth)."""
        total = max(0, (self.output - 1) * self.stride + self.extent - self.size)
        return self.output == -(-self.size // self.stride) and self.before == total // 2

    @property
    def is_valid(self) -> bool:
        return self.before == 0 and self.output == (self.size - self.extent) // self.stride + 1


def raise_convolution(operator: Operator, has_pad: bool) -> list[Operator]:
    """The builtin operators that compute what `operator` does, in order.

    has_pad: there was a PAD in front. Raises ConverterError for what no builtin computes.
    """
    assert operator.custom_options is not None
    options = _RECORDS[operator.name].unpack(operator.custom_options)
    source, frozen = operator.inputs[0], operator.inputs[5]
    assert source is not None and operator.inputs[1] is not None
    weights = _whole_filter(operator.inputs[1], frozen)
    inputs = [source, weights, _bias(operator.inputs[2], source, weights)]
    if inputs[2] is None:
        inputs.pop()
    activation = _activation(operator.output, options)
    if weights.data is not None and weights.data.ndim == 2:
        return [_fully_connected(inputs, operator.output, activation, operator.version)]
    height, width = _axes(options)
    result: list[Operator] = []
    padding = schema.Padding.VALID
    if not has_pad and height.is_same and width.is_same:
        padding = schema.Padding.SAME
    elif has_pad or not (height.is_valid and width.is_valid):
        result.append(_pad(source, height, width))
        inputs[0] = result[0].output
    result.append(
        _convolution(inputs, operator.output, options, padding, activation, operator.version)
    )
    return result


def _axes(o: TrainingConv) -> tuple[_Axis, _Axis]:
    height = _Axis(
        *(o.input_height, o.filter_height, o.output_height),
        *(o.stride_height, o.dilation_height, o.padding_top),
    )
    width = _Axis(
        *(o.input_width, o.filter_width, o.output_width),
        *(o.stride_width, o.dilation_width, o.padding_left),
    )
    return height, width


def _whole_filter(part: Tensor, frozen: Tensor | None) -> Tensor:
    """The filter as one constant, with a zero point for each scale."""
    assert part.data is not None and part.quantization is not None
    data, scale = part.data, part.quantization.scale
    axis = part.quantization.quantized_dimension
    if frozen is not None:
        assert frozen.data is not None and frozen.quantization is not None
        other = frozen.quantization.scale
        if axis == data.ndim - 1 and not (scale.size == other.size == 1 and scale == other):
            scale = np.concatenate([scale, other])
        data = np.concatenate([data, frozen.data], axis=-1)
    zero_point = np.zeros(scale.size, np.int64)
    return Tensor(
        part.name.removesuffix("/trained"),
        data.shape,
        data.dtype,
        Quantization(scale, zero_point, axis),
        data,
    )


def _bias(bias: Tensor | None, source: Tensor, weights: Tensor) -> Tensor | None:
    if bias is None:
        return None
    assert weights.quantization is not None
    scale = np.float32(source.scale) * weights.quantization.scale
    return dataclasses.replace(
        bias, quantization=Quantization(scale, np.zeros(scale.size, np.int64))
    )


def _activation(output: Tensor, options: TrainingConv) -> int:
    for activation in SUPPORTED_ACTIVATIONS:
        if activation_range(output, activation) == (options.activation_min, options.activation_max):
            return int(activation)
    raise ConverterError(
        f"{options.CUSTOM_CODE} {output} clamps to {options.activation_min}.."
        f"{options.activation_max}, which no fused activation of TFLite does"
    )


def _fully_connected(inputs: list[Any], output: Tensor, activation: int, version: int) -> Operator:
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    source = inputs[0]
    options.keepNumDims = (
        len(source.shape) > 2
        and len(output.shape) == len(source.shape)
        and output.shape[:-1] == source.shape[:-1]
    )
    return Operator(
        "FULLY_CONNECTED",
        inputs,
        [output],
        options=options,
        options_type=schema.BuiltinOptions.FullyConnectedOptions,
        version=version,
    )


def _pad(source: Tensor, height: _Axis, width: _Axis) -> Operator:
    paddings = np.array(
        [[0, 0], [height.before, height.after], [width.before, width.after], [0, 0]], np.int32
    )
    shape = tuple(int(d + p.sum()) for d, p in zip(source.shape, paddings, strict=True))
    padded = Tensor(f"{source.name}/pad", shape, source.dtype, source.quantization)
    constant = Tensor(f"{source.name}/paddings", paddings.shape, paddings.dtype, data=paddings)
    return Operator(
        "PAD",
        [source, constant],
        [padded],
        options=schema.PadOptionsT(),
        options_type=schema.BuiltinOptions.PadOptions,
        version=_PAD_VERSION,
    )


def _convolution(
    inputs: list[Any],
    output: Tensor,
    record: TrainingConv,
    padding: int,
    activation: int,
    version: int,
) -> Operator:
    depthwise = isinstance(record, TrainingDepthwiseConv2D)
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    if depthwise:
        options.depthMultiplier = record.output_channels // record.input_channels
    options.padding = padding
    options.strideH, options.strideW = record.stride_height, record.stride_width
    options.dilationHFactor = record.dilation_height
    options.dilationWFactor = record.dilation_width
    options.fusedActivationFunction = activation
    number = schema.BuiltinOptions.Conv2DOptions
    if depthwise:
        number = schema.BuiltinOptions.DepthwiseConv2DOptions
    return Operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        inputs,
        [output],
        options=options,
        options_type=number,
        version=version,
    )
