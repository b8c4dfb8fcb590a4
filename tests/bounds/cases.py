"""Cases of single operators, as large as their argument n says, at extreme values; and the integers
that they reach, worked out from the arrays alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from converter.ir.training_ops import (
    UNMASKED_MAX,
    UNMASKED_MIN,
    BiasUpdate,
    Conv2DInputGrad,
    ConvInputGrad,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
    TransposeConvInputGrad,
)
from kernels.bias_update.twin import bias_update
from kernels.conv_2d_grad import twin as conv_2d
from kernels.core.twin import decompose_factor, product
from kernels.depthwise_conv_2d_grad import twin as depthwise
from kernels.training_conv_2d.twin import training_conv_2d
from kernels.training_depthwise_conv_2d.twin import training_depthwise_conv_2d
from kernels.transpose_conv_grad import twin as transpose_conv
from tests.parity.case import Case

M = 32767
NO_MASK = (UNMASKED_MIN, UNMASKED_MAX)
# Channels that differ in sign, one more than the fast kernels take at a time.
_SIGNS = np.array([1, -1, 1, -1, 1])
CHANNELS = _SIGNS.size


def scale(max_abs: int = M) -> np.ndarray:
    return np.array([2.0**-20, max_abs], np.float32)


def largest(values: np.ndarray) -> int:
    return int(np.abs(values).max())


def signed(shape: tuple[int, ...], magnitude: int, dtype: type) -> np.ndarray:
    """+-magnitude, by turns along the last axis."""
    return np.broadcast_to(magnitude * np.resize(_SIGNS, shape[-1]), shape).astype(dtype)


def geometry(rows: int, columns: int, inputs: int, outputs: int, whole_map: bool) -> tuple:
    """Of a filter that is the map (`whole_map`), or of a 1x1 filter over it."""
    window, result = ((rows, columns), (1, 1)) if whole_map else ((1, 1), (rows, columns))
    return (rows, columns, inputs, *window, *result, outputs, 1, 1, 1, 1, 0, 0)


# Forward operators.


def tables(channels: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest multiplier."""
    return np.full(channels, 2**31 - 1, np.int32), np.full(channels, shift, np.int8)


def fully_connected(
    n: int, weight: int = 127, bias: np.ndarray | None = None, shift: int = -23
) -> Case:
    """n products, every (x - z) 255."""
    weights = signed((n, 1, 1, CHANNELS), 127, np.int8).T if weight == 127 else None
    if weights is None:
        weights = np.full((CHANNELS, 1, 1, n), weight, np.int8)
    return Case(
        options=TrainingConv2D(*geometry(1, 1, n, CHANNELS, False), -128, 127, -128, 127),
        inputs=(
            np.full((1, 1, 1, n), 127, np.int8),
            np.ascontiguousarray(weights),
            bias,
            *tables(CHANNELS, shift),
            None,
        ),
        outputs=(((1, 1, 1, CHANNELS), np.int8),),
        twin=training_conv_2d,
        constant=(1, 3, 4),
    )  # fmt: skip


def biased_fully_connected(n: int, products: int, shift: int) -> Case:
    bias = (_SIGNS * n).astype(np.int32)
    return fully_connected(products, bias=bias, shift=shift)


def depthwise_window(n: int) -> Case:
    """3 * n products."""
    return Case(
        options=TrainingDepthwiseConv2D(
            *geometry(3, n, CHANNELS, CHANNELS, True), 127, -128, -128, 127
        ),
        inputs=(
            np.full((1, 3, n, CHANNELS), -128, np.int8),
            signed((1, 3, n, CHANNELS), 127, np.int8),
            None,
            *tables(CHANNELS, -23),
            None,
        ),
        outputs=(((1, 1, 1, CHANNELS), np.int8),),
        twin=training_depthwise_conv_2d,
        constant=(1, 3, 4),
    )


def forward_products(case: Case) -> np.ndarray:
    """Sums of products, int64 [O]."""
    o, (x, weights) = case.options, case.inputs[:2]
    centred = x.astype(np.int64) - o.input_zero_point
    if isinstance(o, TrainingConv2D):
        return (weights.astype(np.int64) * centred).sum(axis=(1, 2, 3))
    return (weights.astype(np.int64) * centred).sum(axis=(0, 1, 2))


def forward_accumulator(case: Case) -> int:
    _, _, bias, _, shift, _ = case.inputs
    acc = forward_products(case) + bias
    return largest(acc << np.maximum(shift.astype(np.int64), 0))


# Input gradients.


def conv_input_grad(n: int, bits: int, op: type[ConvInputGrad] = Conv2DInputGrad) -> Case:
    """n output channels, pointwise; mantissas with more than `bits` are rounded up."""
    gradient = np.full((1, 1, 1, n), M, np.int16)
    weights = signed((n, 1, 1, CHANNELS), 127, np.int8)
    return Case(
        options=op(
            *geometry(1, 1, CHANNELS, n, False), bits, 15, n * 127, *NO_MASK, 1.0
        ),
        inputs=(gradient, scale(), weights, None, None, None),
        outputs=(((1, 1, 1, CHANNELS), np.int16), ((2,), np.float32)),
        twin=conv_2d.input_grad,
        constant=(2,),
    )  # fmt: skip


def input_grad_of_minimum_weights(n: int) -> Case:
    """Weights of -128, which TFLite's converter does not write but others may."""
    case = conv_input_grad(n, 13)
    gradient = np.full((1, 1, 1, n), -M, np.int16)
    weights = np.full((n, 1, 1, CHANNELS), -128, np.int8)
    options = dataclasses.replace(case.options, weight_bound=128 * n)
    inputs = (gradient, scale(), weights, None, None, None)
    return dataclasses.replace(case, options=options, inputs=inputs)


def transpose_conv_input_grad(n: int) -> Case:
    """One input that meets 2 * n taps of an output channel."""
    return Case(
        options=TransposeConvInputGrad(
            *(1, 1, CHANNELS, 2, n, 2, n, 1, 2, 2, 1, 1, 0, 0),
            14, 15, 2 * n * 127, *NO_MASK, 1.0,
        ),
        inputs=(
            np.full((1, 2, n, 1), M, np.int16), scale(),
            signed((1, 2, n, CHANNELS), 127, np.int8), None, None, None,
        ),
        outputs=(((1, 1, 1, CHANNELS), np.int16), ((2,), np.float32)),
        twin=transpose_conv.input_grad,
        constant=(2,),
    )  # fmt: skip


def transpose_conv_input_sum(case: Case) -> int:
    a = coefficients(case).reshape(*case.inputs[0].shape[1:3], 1)
    return largest((case.inputs[2][0].astype(np.int64) * a).sum(axis=(0, 1)))


def coefficients(case: Case) -> np.ndarray:
    o = case.options
    m = case.inputs[0].astype(np.int64)
    headroom = o.accumulator_bits - int(np.abs(m).max()).bit_length()
    return m << headroom if headroom >= 0 else (m + (1 << -headroom - 1)) >> -headroom


def conv_input_sum(case: Case) -> int:
    weights = case.inputs[2].astype(np.int64)
    return largest((weights * coefficients(case).reshape(-1, 1, 1, 1)).sum(axis=0))


def depthwise_input_grad(n: int) -> Case:
    """n taps that meet in one input."""
    return Case(
        options=DepthwiseConv2DInputGrad(
            *(1, 1, CHANNELS, 1, n, 1, n, CHANNELS, 1, 1, 1, 1, 0, n - 1),
            15, 15, n * 127, *NO_MASK, 1.0,
        ),
        inputs=(
            signed((1, 1, n, CHANNELS), M, np.int16),
            scale(), np.full((1, 1, n, CHANNELS), 127, np.int8), None, None, None,
        ),
        outputs=(((1, 1, 1, CHANNELS), np.int16), ((2,), np.float32)),
        twin=depthwise.input_grad,
        constant=(2,),
    )  # fmt: skip


def depthwise_input_sum(case: Case) -> int:
    gradient, weights = case.inputs[0].astype(np.int64), case.inputs[2].astype(np.int64)
    return largest((gradient * weights).sum(axis=(0, 1, 2)))


# Updates.


def filter_update(n: int, op: type, run: Callable, max_abs: int = M, rate: float = 1.0) -> Case:
    """Positions of three rows of n, or of one where mantissas are int16."""
    dtype = np.int8 if max_abs < 128 else np.int16
    rows = 3 if dtype is np.int8 else 1
    is_depthwise = op is DepthwiseConv2DFilterUpdate
    shape = (1, 1, 1, CHANNELS) if is_depthwise else (CHANNELS, 1, 1, CHANNELS)
    return Case(
        options=op(*geometry(rows, n, CHANNELS, CHANNELS, False), -128, CHANNELS, 127),
        inputs=(
            np.full((1, rows, n, CHANNELS), 127, np.int8),
            signed((1, rows, n, CHANNELS), max_abs, dtype),
            scale(max_abs),
            np.zeros(shape, np.int8),
            np.array([rate], np.float32),
            np.ones(CHANNELS, np.float32),
            np.array([77], np.int32),
            None,
        ),
        outputs=(),
        twin=run,
        written=(3, 6),
    )


def filter_sum(case: Case) -> int:
    x, m = case.inputs[0].astype(np.int64) - case.options.input_zero_point, case.inputs[1]
    if isinstance(case.options, DepthwiseConv2DFilterUpdate):
        return largest((x * m).sum(axis=(0, 1, 2)))
    return largest(np.einsum("nhwi,nhwo->io", x, m.astype(np.int64)))


def step_product(case: Case) -> int:
    """Sum times multiplier."""
    rate, sigma = case.inputs[4], case.inputs[2][0]
    multiplier = decompose_factor(product(rate, sigma, case.inputs[5])).multiplier
    return filter_sum(case) * largest(multiplier)


def bias_positions(n: int) -> Case:
    channels = 9  # eight at a time, and one
    return Case(
        options=BiasUpdate(positions=n, channels=channels, clamp=127, limit=2**31 - 1),
        inputs=(
            signed((1, n, channels), M, np.int16),
            scale(),
            np.resize(np.array([2**31 - 1, -(2**31), 0], np.int32), channels),
            np.ones(1, np.float32),
            np.ones(channels, np.float32),
            np.ones(1, np.int32),
        ),
        outputs=(),
        twin=bias_update,
        written=(2, 5),
    )
