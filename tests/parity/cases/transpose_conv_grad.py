"""Cases of TRANSPOSE_CONV_INPUT_GRAD and TRANSPOSE_CONV_FILTER_UPDATE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import TransposeConvFilterUpdate, TransposeConvInputGrad
from kernels.transpose_conv_grad import twin
from tests.parity.case import Case
from tests.parity.cases.conv_2d_grad import filter_update_case, input_grad_case
from tests.parity.cases.conv_geometry import random_transposed_geometry

_CASES = 300


def input_grad_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRANSPOSE_CONV_INPUT_GRAD."""
    for _ in range(_CASES):
        geometry = random_transposed_geometry(rng)
        yield input_grad_case(rng, TransposeConvInputGrad, twin.input_grad, False, geometry)


def filter_update_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRANSPOSE_CONV_FILTER_UPDATE."""
    for _ in range(_CASES):
        geometry = random_transposed_geometry(rng)
        yield filter_update_case(
            rng, TransposeConvFilterUpdate, twin.filter_update, False, geometry
        )
