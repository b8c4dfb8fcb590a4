"""CMSIS-NN's `_get_buffer_size` functions for cores with the DSP extension (no Helium).

Shapes are TFLite's: source [N, H, W, C]; filter [O, KH, KW, I] or, depthwise,
[1, KH, KW, O]. Results are bytes.
"""

from __future__ import annotations

from typing import Any

_INT16 = 2
_INT32 = 4
# REVERSE_TCOL_EFFICIENT_THRESHOLD: with more input channels a transposed convolution
# runs as a convolution of the reversed filter.
_REVERSE_CHANNELS = 16


def convolve_s8(options: Any, source: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """arm_convolve_wrapper_s8_get_buffer_size. A 1x1 filter is never padded."""
    _, height, width, channels = kernel
    is_1x1 = (
        height == width == options.dilationHFactor == options.dilationWFactor == 1
        and source[3] == channels
    )
    return 0 if is_1x1 else _im2col(source[3], height, width)


def depthwise_conv_s8(options: Any, source: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """arm_depthwise_conv_wrapper_s8_get_buffer_size. The 3x3 kernel pads by at most 1."""
    _, height, width, channels = kernel
    optimised = (
        source[3] == channels
        and source[0] == 1
        and options.dilationHFactor == options.dilationWFactor == 1
    )
    if not optimised or height == width == 3:
        return 0
    return channels * height * width * _INT16


def transpose_conv_s8(
    options: Any, source: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[int, int]:
    """arm_transpose_conv_s8_get_buffer_size and ..._get_reverse_conv_buffer_size."""
    outputs, height, width, channels = kernel
    if options.strideW <= 2 and options.strideH <= 2 and channels > _REVERSE_CHANNELS:
        return _im2col(channels, height, width), channels * width * height * outputs
    columns = (source[2] - 1) * options.strideW + max(width, options.strideH)
    return columns * outputs * max(height, options.strideH) * _INT32, 0


def _im2col(channels: int, height: int, width: int) -> int:
    """Two columns of int16, each padded to 4 elements."""
    column = channels * height * width
    return 2 * (-(-column // 4) * 4) * _INT16
