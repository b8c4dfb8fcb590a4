"""What the twins of the convolution family share: taps as pairs of slices, split filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from converter.ir.training_ops import (
    ConvGeometry,
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)

_TRANSPOSED = (TransposeConvInputGrad, TransposeConvFilterUpdate)


class Tap(NamedTuple):
    """Position (ky, kx) of a filter: output[outputs] and input[inputs] are what it joins."""

    ky: int
    kx: int
    outputs: tuple[slice, slice]
    inputs: tuple[slice, slice]


def _axis(
    outputs: int, inputs: int, stride: int, padding: int, offset: int
) -> tuple[slice, slice] | None:
    # output * stride - padding + offset lies in [0, inputs).
    begin = max(0, -((offset - padding) // stride))
    end = min(outputs, (inputs - 1 + padding - offset) // stride + 1)
    if begin >= end:
        return None
    first = begin * stride - padding + offset
    last = first + (end - begin - 1) * stride
    return slice(begin, end), slice(first, last + 1, stride)


def taps(g: ConvGeometry) -> Iterator[Tap]:
    """All taps that join something, row by row. Where a convolution takes an input for each output,
    a transposed one takes an output for each input."""
    inputs, outputs = (g.input_height, g.input_width), (g.output_height, g.output_width)
    transposed = isinstance(g, _TRANSPOSED)
    fine, coarse = (outputs, inputs) if transposed else (inputs, outputs)
    for ky in range(g.filter_height):
        offset = ky * g.dilation_height
        rows = _axis(coarse[0], fine[0], g.stride_height, g.padding_top, offset)
        if rows is None:
            continue
        for kx in range(g.filter_width):
            offset = kx * g.dilation_width
            columns = _axis(coarse[1], fine[1], g.stride_width, g.padding_left, offset)
            if columns is not None:
                joined = (rows[0], columns[0]), (rows[1], columns[1])
                yield Tap(ky, kx, *(joined[::-1] if transposed else joined))


def joined_filter(
    filter_: np.ndarray, frozen_filter: np.ndarray | None, split: int, window: tuple[int, ...]
) -> np.ndarray:
    """The whole filter in `window` + (all channels,), of parts whose channels are innermost."""
    parts = [filter_.reshape(*window, split or -1)]
    if frozen_filter is not None:
        parts.append(frozen_filter.reshape(*window, -1))
    return np.concatenate(parts, axis=-1)
