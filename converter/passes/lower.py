"""Lowers convolutions to the project's own forward operators.

TRAINING_CONV_2D and TRAINING_DEPTHWISE_CONV_2D compute what TFLM's CONV_2D, DEPTHWISE_CONV_2D and
FULLY_CONNECTED do, bit for bit, but take their requantisation tables from flash instead of
8 bytes a channel of arena, need no scratch, pad on their own, and hold the trained channels
of a filter in the arena and the others in flash.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.ir.activation import activation_range
from converter.ir.backward import constant
from converter.ir.requantisation import requantisation_tables
from converter.ir.training_ops import (
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    ConvGeometry,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
)
from converter.model.graph import Operator, Tensor
from converter.passes.saved import Saved
from converter.rules import refusal, rule_of
from converter.rules.convolution import (
    ConvolutionRule,
    bias_of,
    filter_of,
    input_of,
    weight_scales,
)

_INPUT_GRADS = {r.CUSTOM_CODE: r for r in (Conv2DInputGrad, DepthwiseConv2DInputGrad)}
_FILTER_UPDATES = {r.CUSTOM_CODE: r for r in (Conv2DFilterUpdate, DepthwiseConv2DFilterUpdate)}


@dataclasses.dataclass(frozen=True)
class SplitFilter:
    """A filter in two: the first `channels` of its last axis, trained, and the rest."""

    trained: Tensor
    frozen: Tensor
    channels: int

    def parts(self) -> tuple[Tensor, Tensor]:
        return self.trained, self.frozen


def can_be_lowered(operator: Operator) -> bool:
    """Whether an own operator computes it: its kind has one, and its rule does not refuse it."""
    rule = None if operator.is_custom else rule_of(operator.name)
    if not isinstance(rule, ConvolutionRule) or rule.forward is None:
        return False
    return refusal(operator) is None


def split_filter(operator: Operator, channels: int, backward: list[Operator]) -> SplitFilter:
    """Divide the filter and let the backward operators read the two parts."""
    whole = filter_of(operator)
    assert whole.data is not None
    trained = _part(whole, slice(0, channels), "trained")
    frozen = _part(whole, slice(channels, None), "frozen")
    for op in backward:
        assert op.custom_options is not None
        if op.name in _INPUT_GRADS and op.inputs[2] is whole:
            grad = _INPUT_GRADS[op.name].unpack(op.custom_options)
            op.custom_options = dataclasses.replace(grad, split=channels).pack()
            op.inputs[2], op.inputs[5] = trained, frozen
        elif op.name in _FILTER_UPDATES and op.inputs[3] is whole:
            update = _FILTER_UPDATES[op.name].unpack(op.custom_options)
            op.custom_options = dataclasses.replace(update, filter_channels=channels).pack()
            op.inputs[3] = trained
    return SplitFilter(trained, frozen, channels)


def _part(whole: Tensor, channels: slice, name: str) -> Tensor:
    assert whole.data is not None and whole.quantization is not None
    data = np.ascontiguousarray(whole.data[..., channels])
    quantization = whole.quantization
    if quantization.scale.size > 1 and quantization.quantized_dimension == whole.data.ndim - 1:
        quantization = dataclasses.replace(
            quantization,
            scale=quantization.scale[channels],
            zero_point=quantization.zero_point[channels],
        )
    return Tensor(f"{whole.name}/{name}", data.shape, whole.dtype, quantization, data)


def _compact_quantization(parameter: Tensor) -> None:
    """Drop what the own operators do not read: 8 bytes of zero point a channel, and the
    scales of a bias, which are those of input and filter multiplied."""
    assert parameter.quantization is not None
    scale = parameter.quantization.scale
    parameter.quantization = dataclasses.replace(
        parameter.quantization,
        scale=scale[:1] if parameter.dtype == np.int32 else scale,
        zero_point=np.zeros(1, np.int64),
    )


def lower(operator: Operator, split: SplitFilter | None, saved: Saved | None) -> None:
    """Replace a convolution by its own operator, in place.

    saved: what else it writes for the backward pass.
    """
    rule = rule_of(operator.name)
    assert isinstance(rule, ConvolutionRule) and rule.forward is not None
    geometry: ConvGeometry = rule.geometry(operator)
    minimum, maximum = activation_range(operator.output, rule.output_clamp(operator))
    options = rule.forward(
        **dataclasses.asdict(geometry),
        input_zero_point=input_of(operator).zero_point,
        output_zero_point=operator.output.zero_point,
        activation_min=minimum,
        activation_max=maximum,
        split=split.channels if split else 0,
    )
    if saved is not None:
        options = dataclasses.replace(options, **saved.options())
    multipliers, shifts = requantisation_tables(
        input_of(operator).scale,
        weight_scales(operator),
        operator.output.scale,
        operator.name == "FULLY_CONNECTED",
    )
    name = filter_of(operator).name
    for parameter in (filter_of(operator), bias_of(operator), *(split.parts() if split else ())):
        if parameter is not None:
            _compact_quantization(parameter)
    operator.inputs = [
        input_of(operator),
        split.trained if split else filter_of(operator),
        bias_of(operator),
        constant(f"{name}/output_multiplier", multipliers),
        constant(f"{name}/output_shift", shifts),
        split.frozen if split else None,
    ]
    operator.outputs = [operator.output, *(saved.tensors() if saved else [])]
    operator.name = options.CUSTOM_CODE
    operator.is_custom = True  # its version stays, for the way back (converter.merge)
    operator.options, operator.options_type = None, 0
    operator.custom_options = options.pack()
