"""All cases of every training operator: random ones, and those of the table of models.

What reads it: tests/parity (TFLM equals the twins), tests/cortex_m (so do the emulated cores, with
the kernels of the DSP extension and the plain ones), tests/sanitizer (no undefined behaviour).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from converter.ir.training_ops import (
    ActivationGrad,
    ApplyUpdates,
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
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)
from tests.op_cases.models import OP_MODELS
from tests.op_cases.steps import cases_of
from tests.parity.case import Case
from tests.parity.cases import (
    activation_grad,
    apply_updates,
    bias_update,
    conv_2d_grad,
    depthwise_conv_2d_grad,
    gradient_mul,
    gradient_plumbing,
    losses,
    pool_grads,
    training_conv,
    transpose_conv_grad,
)

_SEED = 20240229

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
    (TransposeConvInputGrad, transpose_conv_grad.input_grad_cases),
    (TransposeConvFilterUpdate, transpose_conv_grad.filter_update_cases),
    (BiasUpdate, bias_update.cases),
    (ApplyUpdates, apply_updates.cases),
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


@functools.cache
def operator_cases(op: type[Options]) -> tuple[Case, ...]:
    """All cases of one operator, the random ones first."""
    (cases,) = (cases for record, cases in PARITY_CASES if record is op)
    return (*cases(np.random.default_rng(_SEED)), *_of_models().get(op.CUSTOM_CODE, ()))


@functools.cache
def _of_models() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for model in OP_MODELS:
        for case in cases_of(model):
            found.setdefault(case.options.CUSTOM_CODE, []).append(case)
    return found
