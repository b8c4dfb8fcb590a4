"""Windows of the pooling gradients, for their twins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from converter.ir.training_ops import PoolGrad
from kernels.core.twin import bits


class Window(NamedTuple):
    """One window: its output position and the inputs that it holds."""

    output: tuple[int, int]
    rows: slice
    columns: slice

    @property
    def count(self) -> int:
        """Number of inputs inside the map."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def _inside(output: int, inputs: int, size: int, stride: int, padding: int) -> slice:
    begin = output * stride - padding
    return slice(max(begin, 0), min(begin + size, inputs))


def windows(o: PoolGrad) -> Iterator[Window]:
    """All windows, row by row."""
    for y in range(o.output_height):
        rows = _inside(y, o.input_height, o.filter_height, o.stride_height, o.padding_top)
        for x in range(o.output_width):
            columns = _inside(x, o.input_width, o.filter_width, o.stride_width, o.padding_left)
            yield Window((y, x), rows, columns)


def overlap_shift(o: PoolGrad, max_abs: int) -> int:
    """Right shift that brings the sum of all windows that hold one input to its bits."""
    overlap = -(-o.filter_height // o.stride_height) * -(-o.filter_width // o.stride_width)
    return max(0, bits(max_abs * overlap) - o.gradient_bits)
