"""How the windows of a convolution lie, from its tensors and options."""

from __future__ import annotations

from collections.abc import Sequence

from converter.ir.training_ops import ConvGeometry
from converter.model.graph import Operator, Tensor
from converter.model.schema import schema
from converter.rules.parameters import filter_of, input_of, same_padding


def window_geometry(
    operator: Operator, paddings: Sequence[int], dilations: Sequence[int] = (1, 1)
) -> ConvGeometry:
    """What tensors and options say. paddings, dilations: of height and width."""
    _, input_height, input_width, input_channels = input_of(operator).shape
    _, output_height, output_width, output_channels = operator.output.shape
    _, filter_height, filter_width, _ = filter_of(operator).shape
    return ConvGeometry(
        input_height=input_height,
        input_width=input_width,
        input_channels=input_channels,
        filter_height=filter_height,
        filter_width=filter_width,
        output_height=output_height,
        output_width=output_width,
        output_channels=output_channels,
        stride_height=operator.options.strideH,
        stride_width=operator.options.strideW,
        dilation_height=dilations[0],
        dilation_width=dilations[1],
        padding_top=paddings[0],
        padding_left=paddings[1],
    )


def same_paddings(
    operator: Operator, source: Tensor, result: Tensor, dilations: Sequence[int] = (1, 1)
) -> list[int]:
    """Top and left padding of a convolution from `source` to `result`: 0 unless SAME."""
    options = operator.options
    if options.padding != schema.Padding.SAME:
        return [0, 0]
    axes = zip(
        source.shape[1:3],
        filter_of(operator).shape[1:3],
        (options.strideH, options.strideW),
        dilations,
        result.shape[1:3],
        strict=True,
    )
    return [
        same_padding(size, (taps - 1) * dilation + 1, stride, outputs)
        for size, taps, stride, dilation, outputs in axes
    ]


def conv_geometry(operator: Operator) -> ConvGeometry:
    """Geometry of CONV_2D and DEPTHWISE_CONV_2D."""
    dilations = operator.options.dilationHFactor, operator.options.dilationWFactor
    paddings = operator.padding or same_paddings(
        operator, input_of(operator), operator.output, dilations
    )
    return window_geometry(operator, paddings, dilations)
