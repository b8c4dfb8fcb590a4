"""Every training operator in TFLite Micro equals its NumPy twin, bit for bit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import kernels
from converter.ir.training_ops import TRAINING_OPS, Options
from tests.op_cases.table import PARITY_CASES, operator_cases
from tests.parity.one_op_model import OneOp


def test_every_operator_is_compared() -> None:
    assert tuple(op for op, _ in PARITY_CASES) == TRAINING_OPS


def test_kernels_register_every_operator() -> None:
    rows = (Path(kernels.__path__[0]) / "training_ops.inc").read_text()
    names = re.findall(r"^TFLM_TRAINING_OP\((\w+)\)$", rows, re.MULTILINE)
    assert names == [op.CUSTOM_CODE for op in TRAINING_OPS]


def is_unspecified(results: Sequence[np.ndarray], index: int, outputs: int) -> bool:
    """True for the mantissas of a gradient whose maximum is 0: nobody reads them."""
    if results[index].dtype not in (np.int8, np.int16) or index + 1 >= outputs:
        return False
    scale = results[index + 1]
    return scale.dtype == np.float32 and scale.shape == (2,) and scale[1] == 0


def bits(array: np.ndarray) -> np.ndarray:
    """The array's bytes, so that NaN equals NaN and 0 differs from -0."""
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)


@pytest.mark.parametrize("op", TRAINING_OPS, ids=lambda op: op.CUSTOM_CODE)
def test_operator_equals_twin(op: type[Options]) -> None:
    for count, case in enumerate(operator_cases(op), start=1):
        assert isinstance(case.options, op)
        expected = case.expected()
        actual = OneOp(case).invoke()
        for i, (want, got) in enumerate(zip(expected, actual, strict=True)):
            if is_unspecified(expected, i, len(case.outputs)):
                continue
            assert want.dtype == got.dtype
            np.testing.assert_array_equal(
                bits(want), bits(got), err_msg=f"case {count}, result {i}: {case.options}"
            )
