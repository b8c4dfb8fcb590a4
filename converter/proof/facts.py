"""What is known of a training operator at conversion, and the largest integers that follow."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from converter.ir import bounds
from converter.ir.bounds import MAX_OPERAND, MAX_WEIGHT, largest_weight
from converter.ir.training_ops import (
    TRAINING_OPS,
    BiasUpdate,
    ConvGeometry,
    ConvInputGrad,
    GradientMul,
    PoolGrad,
    TrainingConv,
    TrainingConv2D,
    TransposeConvFilterUpdate,
)
from converter.model.graph import Operator

RECORDS = {record.CUSTOM_CODE: record for record in TRAINING_OPS}


def unpack(operator: Operator) -> Any:
    assert operator.custom_options is not None
    return RECORDS[operator.name].unpack(operator.custom_options)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one operator.

    mantissas: the largest |m| of each gradient that it reads; updates: those of its filter and
    bias, where it is a forward operator whose filter or bias is trained.
    """

    operator: Operator
    options: Any
    mantissas: tuple[int, ...] = ()
    updates: tuple[Operator, ...] = ()

    @property
    def mantissa(self) -> int:
        return max(self.mantissas)

    @property
    def weight(self) -> int:
        """The largest |w| that its filter has or can come to."""
        return max((largest_weight(w) for w in self._weights()), default=MAX_WEIGHT)

    def filter_rows(self) -> np.ndarray:
        """The filter, int8 [outputs, products that meet in one]."""
        g = self.options
        if isinstance(g, TrainingConv2D):
            return np.concatenate(
                [w.reshape(g.output_channels, -1) for w in self._weights()], axis=1
            )
        taps = g.filter_height * g.filter_width
        return np.concatenate([w.reshape(taps, -1) for w in self._weights()], axis=1).T

    def _weights(self) -> list[np.ndarray]:
        first, frozen = (2, 5) if isinstance(self.options, ConvInputGrad) else (1, 5)
        parts = [t for i, t in enumerate(self.operator.inputs) if i in (first, frozen)]
        return [t.data for t in parts if t is not None and t.data is not None]


def tensor_bytes(f: Facts) -> int:
    return max((t.bytes for t in f.operator.tensors()), default=0)


def sum_over_positions(f: Facts) -> int:
    """Of an update: products of a filter's, mantissas of a bias's."""
    if isinstance(f.options, BiasUpdate):
        return f.options.positions * f.mantissa
    o: ConvGeometry = f.options
    positions = o.output_height * o.output_width
    if isinstance(o, TransposeConvFilterUpdate):
        positions = o.input_height * o.input_width
    return positions * MAX_OPERAND * f.mantissa


def extent(f: Facts) -> int:
    return max(getattr(f.options, name) for name in _extents(f.operator.name))


@functools.cache
def _extents(custom_code: str) -> tuple[str, ...]:
    words = ("height", "width", "padding", "stride", "dilation")
    names = [field.name for field in dataclasses.fields(RECORDS[custom_code])]
    return tuple(name for name in names if any(word in name for word in words))


def window(o: ConvGeometry) -> int:
    return o.filter_height * o.filter_width


def overlap(f: Facts) -> int:
    o: PoolGrad = f.options
    return -(-o.filter_height // o.stride_height) * -(-o.filter_width // o.stride_width)


def products(o: TrainingConv) -> int:
    return window(o) * (o.input_channels if isinstance(o, TrainingConv2D) else 1)


def forward_sum(f: Facts) -> int:
    if f.updates:
        return products(f.options) * MAX_OPERAND * f.weight
    return bounds.forward_sum(f.filter_rows())


def forward_accumulator(f: Facts) -> int:
    """0 where nothing is trained: then it wraps where TFLM does, and nowhere else."""
    o, sums, total = f.options, forward_sum(f), 0
    largest = np.zeros(o.output_channels, np.int64)
    _, _, bias, _, shift, _ = f.operator.inputs
    if bias is not None and bias.data is not None:
        largest = np.abs(bias.data.reshape(-1).astype(np.int64))
    for update in f.updates:
        options = unpack(update)
        scale = update.inputs[4 if isinstance(options, BiasUpdate) else 5]
        assert scale is not None and scale.data is not None and shift is not None
        assert shift.data is not None
        if isinstance(options, BiasUpdate):
            largest = np.full_like(largest, options.limit)
        alive = np.broadcast_to(scale.data.reshape(-1) > 0, largest.shape)
        left = np.maximum(np.broadcast_to(shift.data.reshape(-1), largest.shape), 0)
        for b, e in {(int(b), int(e)) for b, e in zip(largest[alive], left[alive], strict=True)}:
            total = max(total, (sums + b) << e)
    return total


def depthwise_total(f: Facts) -> int:
    o = f.options
    return window(o) * (o.output_channels // o.input_channels) * f.weight * f.mantissa * 32768


def mul_factor(f: Facts) -> int:
    zero_point = f.options.zero_point
    return (
        abs(zero_point) if f.operator.inputs[2] is None else max(127 - zero_point, zero_point + 128)
    )


def mul_terms(o: GradientMul) -> int:
    pairs = ((getattr(o, f"dim_{i}"), getattr(o, f"reduced_{i}")) for i in range(4))
    return math.prod(dim for dim, reduced in pairs if reduced)


def derivative(f: Facts) -> int:
    table = f.operator.inputs[3]
    assert table is not None and table.data is not None
    return int(np.abs(table.data.astype(np.int64)).max())
