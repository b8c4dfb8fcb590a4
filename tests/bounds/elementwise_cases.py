"""Cases of operators without a filter, as cases.py."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from converter.ir.training_ops import (
    ActivationGrad,
    GradientAdd,
    GradientMul,
    MaxPool2DGrad,
    SoftmaxCrossEntropy,
)
from kernels.activation_grad.twin import activation_grad
from kernels.gradient_add.twin import gradient_add
from kernels.gradient_mul.twin import gradient_mul
from kernels.softmax_cross_entropy.twin import softmax_cross_entropy
from tests.bounds.cases import CHANNELS, NO_MASK, M, largest, scale, signed
from tests.parity.case import Case


def pooling(n: int, op: type, run: Callable) -> Case:
    """2 * n windows that all hold the only input."""
    shape = (1, 2, n, CHANNELS)
    saved = np.zeros((1, 1, 1, CHANNELS), np.int8) if op is MaxPool2DGrad else None
    return Case(
        options=op(1, 1, CHANNELS, 2, n, 2, n, 1, 1, 1, n - 1, 15, *NO_MASK),
        inputs=(signed(shape, M, np.int16), scale(), saved),
        outputs=(((1, 1, 1, CHANNELS), np.int16), ((2,), np.float32)),
        twin=run,
    )


def windows(case: Case) -> int:
    return case.inputs[0].size // CHANNELS


def sum_of_two(n: int) -> Case:
    gradient = signed((1, n), M, np.int16)
    return Case(
        options=GradientAdd(n, 15, *NO_MASK),
        inputs=(gradient, scale(), gradient, scale(), None),
        outputs=(((1, n), np.int16), ((2,), np.float32)),
        twin=gradient_add,
    )


def product_sum(n: int, has_other: bool) -> Case:
    """n products a channel."""
    other = np.full((1, 1, n, CHANNELS), 127, np.int8) if has_other else None
    return Case(
        options=GradientMul(
            *(1, 1, n, CHANNELS), *(0, 0, 1, 0), *(0, 0, 0, 0),
            -128 if has_other else -1, 15, *NO_MASK, 1.0,
        ),
        inputs=(signed((1, 1, n, CHANNELS), M, np.int16), scale(), other, None),
        outputs=(((1, 1, 1, CHANNELS), np.int16), ((2,), np.float32)),
        twin=gradient_mul,
    )  # fmt: skip


def sum_of_products(case: Case) -> int:
    gradient, _, other, _ = case.inputs
    factor = -case.options.zero_point if other is None else other.astype(np.int64) + 128
    return largest((gradient.astype(np.int64) * factor).sum(axis=2))


def slopes(n: int) -> Case:
    return Case(
        options=ActivationGrad(n, 15, 1.0),
        inputs=(
            signed((1, n), M, np.int16),
            scale(),
            np.resize(np.array([-128, 127], np.int8), (1, n)),
            np.full(256, -M, np.int16),
        ),
        outputs=(((1, n), np.int16), ((2,), np.float32)),
        twin=activation_grad,
        constant=(3,),
    )


def softmax(n: int) -> Case:
    """n classes of equal logits."""
    table = np.full(256, 1 << 20, np.int32)
    return Case(
        options=SoftmaxCrossEntropy(n, 20, 15, 0, 1.0),
        inputs=(np.full((1, n), 5, np.int8), np.zeros(1, np.int32), np.ones(1, np.float32), table),
        outputs=(((1,), np.float32), ((1, n), np.int16), ((2,), np.float32)),
        twin=functools.partial(softmax_cross_entropy, dtype=np.int16),
        constant=(3,),
    )
