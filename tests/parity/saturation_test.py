"""Updates that push far past both ends for many steps: nothing ever wraps."""

from __future__ import annotations

import numpy as np
import pytest

from converter.ir.training_ops import (
    FRACTION,
    BiasUpdate,
    Conv2DFilterUpdate,
    DepthwiseConv2DFilterUpdate,
    TransposeConvFilterUpdate,
)
from kernels.bias_update import twin as bias_twin
from kernels.conv_2d_grad import twin as conv_twin
from kernels.depthwise_conv_2d_grad import twin as depthwise_twin
from kernels.transpose_conv_grad import twin as transpose_conv_twin
from tests.parity.case import Case
from tests.parity.one_op_model import OneOp

_CHANNELS = 3
_STEPS = 40
_MAX_ABS = 32767
_OPERATORS = (
    (Conv2DFilterUpdate, conv_twin.filter_update, (_CHANNELS, 1, 1, _CHANNELS)),
    (DepthwiseConv2DFilterUpdate, depthwise_twin.filter_update, (1, 1, 1, _CHANNELS)),
    (TransposeConvFilterUpdate, transpose_conv_twin.filter_update, (_CHANNELS, 1, 1, _CHANNELS)),
)


def _filter_case(
    op, twin, shape, clamp: int, direction: int, rate: float, dtype: type, has_fraction: bool
) -> Case:
    max_abs = int(np.iinfo(dtype).max)
    options = op(2, 2, _CHANNELS, 1, 1, 2, 2, _CHANNELS, 1, 1, 1, 1, 0, 0, -128, _CHANNELS, clamp)
    filter_ = np.resize(np.array([-127, -3, 0, 5, 126, 127], np.int8), shape)
    return Case(
        options=options,
        inputs=(
            np.full((1, 2, 2, _CHANNELS), 127, np.int8),
            np.full((1, 2, 2, _CHANNELS), direction * max_abs, dtype),
            np.array([_MAX_ABS / max_abs, max_abs], np.float32),
            filter_,
            np.array([rate], np.float32),
            np.full(1, FRACTION if has_fraction else 1, np.float32),
            np.array([7], np.int32),
            np.resize(np.array([-128, 0, 127], np.int8), shape) if has_fraction else None,
        ),
        outputs=(),
        twin=twin,
        written=(3, 6, 7) if has_fraction else (3, 6),
    )


# Factors of a shift above 0 (rounded at random), of 0 and below, and an infinite one.
@pytest.mark.parametrize("learning_rate", [1e-6, 1e-3, 0.3, 1e20, np.inf])
@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("clamp", [1, 127])
@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize("has_fraction", [False, True])
@pytest.mark.parametrize(("op", "twin", "shape"), _OPERATORS)
def test_weights_stop_at_their_limit(
    op, twin, shape, has_fraction, dtype, clamp, direction, learning_rate
) -> None:
    case = _filter_case(op, twin, shape, clamp, direction, learning_rate, dtype, has_fraction)
    operator = OneOp(case)
    before = case.inputs[3].astype(np.int64)
    for _ in range(260 // clamp + _STEPS):
        operator.set_input(1, case.inputs[1])
        weights = operator.invoke()[0].astype(np.int64)
        step = (before - weights) * direction
        assert np.all(step >= 0) and np.all(step <= clamp)
        assert np.all(np.abs(weights) <= 127)
        before = weights
    assert np.all(weights == -127 * direction)


@pytest.mark.parametrize("limit", [1000, 2**31 - 1])
@pytest.mark.parametrize("direction", [-1, 1])
def test_biases_stop_at_their_limit(limit: int, direction: int) -> None:
    bias = np.array([-(2**31), -1000, 0, 999, 2**31 - 1], np.int32)
    case = Case(
        options=BiasUpdate(positions=3, channels=5, clamp=127, limit=limit),
        inputs=(
            np.full((1, 3, 5), direction * _MAX_ABS, np.int16),
            np.array([1.0, _MAX_ABS], np.float32),
            bias,
            np.array([1e6], np.float32),
            np.ones(5, np.float32),
            np.ones(1, np.int32),
        ),
        outputs=(),
        twin=bias_twin.bias_update,
        written=(2, 5),
    )
    operator = OneOp(case)
    before = bias.astype(np.int64)
    for _ in range(_STEPS):
        after = operator.invoke()[0].astype(np.int64)
        assert np.all((np.clip(before, -limit, limit) - after) * direction >= 0)
        assert np.all(np.abs(after) <= limit)
        before = after
    expected = bias.astype(np.int64)
    for _ in range(_STEPS):
        expected = np.clip(expected - direction * 127, -limit, limit)
    np.testing.assert_array_equal(after, expected)
