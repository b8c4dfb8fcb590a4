"""Every training operator in TFLite Micro equals its NumPy twin, bit for bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import kernels
from converter.ir.training_ops import (
    TRAINING_OPS,
    ActivationGrad,
    AveragePool2DGrad,
    BiasUpdate,
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
    InitializeVariables,
    MaxPool2DGrad,
    MeanGrad,
    MeanSquaredError,
    Options,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
)
from tests.parity.case import Case
from tests.parity.cases import (
    activation_grad,
    bias_update,
    conv_2d_grad,
    depthwise_conv_2d_grad,
    gradient_mul,
    gradient_plumbing,
    losses,
    pool_grads,
    training_conv,
)
from tests.parity.one_op_model import OneOp

# In the order of TRAINING_OPS.
PARITY_CASES: tuple[tuple[type[Options], Callable[[np.random.Generator], Iterator[Case]]], ...] = (
    (InitializeVariables, gradient_plumbing.initialize_cases),
    (SoftmaxCrossEntropy, losses.softmax_cases),
    (SigmoidCrossEntropy, losses.sigmoid_cases),
    (MeanSquaredError, losses.mean_squared_error_cases),
    (Conv2DInputGrad, conv_2d_grad.input_grad_cases),
    (Conv2DFilterUpdate, conv_2d_grad.filter_update_cases),
    (DepthwiseConv2DInputGrad, depthwise_conv_2d_grad.input_grad_cases),
    (DepthwiseConv2DFilterUpdate, depthwise_conv_2d_grad.filter_update_cases),
    (BiasUpdate, bias_update.cases),
    (AveragePool2DGrad, pool_grads.average_cases),
    (MaxPool2DGrad, pool_grads.max_cases),
    (MeanGrad, gradient_plumbing.mean_cases),
    (GradientSlice, gradient_plumbing.slice_cases),
    (GradientMask, gradient_plumbing.mask_cases),
    (GradientAdd, gradient_plumbing.add_cases),
    (GradientMul, gradient_mul.cases),
    (ActivationGrad, activation_grad.cases),
    (TrainingConv2D, training_conv.conv_cases),
    (TrainingDepthwiseConv2D, training_conv.depthwise_cases),
)


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


@pytest.mark.parametrize(
    ("op", "cases"), PARITY_CASES, ids=[op.CUSTOM_CODE for op, _ in PARITY_CASES]
)
def test_operator_equals_twin(
    op: type[Options], cases: Callable[[np.random.Generator], Iterator[Case]]
) -> None:
    count = 0
    for count, case in enumerate(cases(np.random.default_rng(20240229)), start=1):
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
    assert count >= 20
