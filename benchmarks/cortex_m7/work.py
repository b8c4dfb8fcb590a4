"""Multiply-accumulates of the training operators, and which part of a step they are."""

from __future__ import annotations

from converter.ir.options import Options
from converter.ir.training_ops import (
    ConvFilterUpdate,
    ConvGeometry,
    ConvInputGrad,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    InitializeVariables,
    TrainingConv,
    TrainingDepthwiseConv2D,
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)

START_UP, FORWARD, BACKWARD = "start-up", "forward", "backward and update"

_DEPTHWISE = (DepthwiseConv2DFilterUpdate, DepthwiseConv2DInputGrad, TrainingDepthwiseConv2D)
_TRANSPOSED = (TransposeConvFilterUpdate, TransposeConvInputGrad)


def part(options: Options) -> str:
    """START_UP: once, when the model starts; FORWARD or BACKWARD: in each step."""
    if isinstance(options, InitializeVariables):
        return START_UP
    return FORWARD if isinstance(options, TrainingConv) else BACKWARD


def is_input_gradient(options: Options) -> bool:
    return isinstance(options, ConvInputGrad)


def is_filter_update(options: Options) -> bool:
    return isinstance(options, ConvFilterUpdate)


def macs(options: Options) -> int:
    """Multiply-accumulates, counted as the converter's report counts them.

    Output positions, of TRANSPOSE_CONV input positions, times weights: those of the padding are
    in it, those of zeros that a stride would put between the outputs are not. A filter update has
    the share of its trained channels. 0 for all that is no convolution.
    """
    if not isinstance(options, ConvGeometry):
        return 0
    is_depthwise = isinstance(options, _DEPTHWISE)
    positions = options.output_height * options.output_width
    if isinstance(options, _TRANSPOSED):
        positions = options.input_height * options.input_width
    window = options.filter_height * options.filter_width
    channels = options.output_channels if is_depthwise else options.input_channels
    trained = options.channels if isinstance(options, ConvFilterUpdate) else channels
    return positions * window * trained * (1 if is_depthwise else options.output_channels)
