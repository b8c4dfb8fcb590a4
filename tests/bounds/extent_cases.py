"""Cases of single operators whose windows reach as far as their argument n says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.bounds.cases import NO_MASK, scale, tables
from tests.parity.case import Case


def _sparse(n: int, taps: int) -> tuple:
    """One input, n outputs, as far apart as can be: most taps of most outputs lie outside."""
    return (1, 1, 1, taps, 1, n, 1, 1, n, n, n, n, n, 0)


def forward_extents(n: int, op: type, run: Callable) -> Case:
    return Case(
        options=op(*_sparse(n, 2), -128, 5, -128, 127),
        inputs=(
            np.full((1, 1, 1, 1), 127, np.int8), np.array([[[[100]], [[-50]]]], np.int8), None,
            *tables(1, -8), None,
        ),
        outputs=(((1, n, 1, 1), np.int8),),
        twin=run,
        constant=(3, 4),
    )  # fmt: skip


def input_grad_extents(n: int, op: type, run: Callable) -> Case:
    return Case(
        options=op(*_sparse(n, n), 8, 15, 127, *NO_MASK, 1.0),
        inputs=(
            np.full((1, n, 1, 1), 100, np.int16), scale(100), np.full((1, n, 1, 1), 127, np.int8),
            None, None, None,
        ),
        outputs=(((1, 1, 1, 1), np.int16), ((2,), np.float32)),
        twin=run,
    )  # fmt: skip


def filter_update_extents(n: int, op: type, run: Callable) -> Case:
    return Case(
        options=op(*_sparse(n, n), -128, 1, 127),
        inputs=(
            np.full((1, 1, 1, 1), 127, np.int8), np.full((1, n, 1, 1), 100, np.int16), scale(100),
            np.zeros((1, n, 1, 1), np.int8), np.ones(1, np.float32), np.ones(1, np.float32),
            np.ones(1, np.int32), None,
        ),
        outputs=(),
        twin=run,
        written=(3, 6),
    )  # fmt: skip
