"""Random geometries of the convolution operators."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_CHANNELS = (1, 2, 3, 4, 5, 8, 13, 16, 31, 64, 65, 100, 130)


class Axis(NamedTuple):
    """One dimension of a window operator."""

    inputs: int
    window: int
    outputs: int
    stride: int
    dilation: int
    padding: int


def _random_axis(rng: np.random.Generator) -> Axis:
    inputs = int(rng.choice((1, 2, 3, 4, 5, 6, 7, 9, 18)))
    window = int(rng.choice((1, 2, 3, 3, 5, 8)))
    stride = int(rng.integers(1, 4))
    dilation = int(rng.choice((1, 1, 1, 2, 3)))
    span = (window - 1) * dilation + 1
    kind = rng.integers(3)
    if kind == 0 and inputs >= span:  # VALID
        return Axis(inputs, window, (inputs - span) // stride + 1, stride, dilation, 0)
    if kind == 1:  # explicit padding of any size, different at the two ends
        before, after = (int(v) for v in rng.integers(0, span + 1, 2))
        after += max(0, span - inputs - before - after)
        outputs = (inputs + before + after - span) // stride + 1
        return Axis(inputs, window, outputs, stride, dilation, before)
    outputs = -(-inputs // stride)  # SAME
    total = max(0, (outputs - 1) * stride + span - inputs)
    return Axis(inputs, window, outputs, stride, dilation, total // 2)


def random_geometry(rng: np.random.Generator, depthwise: bool) -> dict[str, int]:
    """The fields of ConvGeometry; one in four is a FULLY_CONNECTED layer or pointwise."""
    y, x = _random_axis(rng), _random_axis(rng)
    if rng.random() < 0.25:
        extent = int(rng.choice((1, 1, 6)))
        y = x = Axis(extent, 1, extent, 1, 1, 0)
    input_channels, output_channels = (int(v) for v in rng.choice(_CHANNELS, 2))
    if y.inputs * x.inputs * y.window * x.window > 200:
        input_channels, output_channels = min(input_channels, 70), min(output_channels, 16)
    if depthwise:
        depth_multiplier = int(rng.choice((1, 1, 2, 3, 7)))
        output_channels = input_channels * depth_multiplier
    return _fields(y, x, input_channels, output_channels)


def same_geometry(side: int, channels: int, window: int, stride: int) -> dict[str, int]:
    """The fields of ConvGeometry for a depthwise layer of a mobile network: square, SAME."""
    outputs = -(-side // stride)
    padding = max(0, (outputs - 1) * stride + window - side) // 2
    axis = Axis(side, window, outputs, stride, 1, padding)
    return _fields(axis, axis, channels, channels)


def _fields(y: Axis, x: Axis, input_channels: int, output_channels: int) -> dict[str, int]:
    return {
        "input_height": y.inputs,
        "input_width": x.inputs,
        "input_channels": input_channels,
        "filter_height": y.window,
        "filter_width": x.window,
        "output_height": y.outputs,
        "output_width": x.outputs,
        "output_channels": output_channels,
        "stride_height": y.stride,
        "stride_width": x.stride,
        "dilation_height": y.dilation,
        "dilation_width": x.dilation,
        "padding_top": y.padding,
        "padding_left": x.padding,
    }


def random_transposed_geometry(rng: np.random.Generator) -> dict[str, int]:
    """The same of a transposed convolution: that of a convolution from its output to its input."""
    g = random_geometry(rng, depthwise=False)
    for name in ("height", "width", "channels"):
        g[f"input_{name}"], g[f"output_{name}"] = g[f"output_{name}"], g[f"input_{name}"]
    return g
