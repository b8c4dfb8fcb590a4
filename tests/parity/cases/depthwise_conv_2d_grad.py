"""Cases of DEPTHWISE_CONV_2D_INPUT_GRAD and DEPTHWISE_CONV_2D_FILTER_UPDATE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import DepthwiseConv2DFilterUpdate, DepthwiseConv2DInputGrad
from kernels.depthwise_conv_2d_grad import twin
from tests.parity.case import Case
from tests.parity.cases.conv_2d_grad import filter_update_case, input_grad_case
from tests.parity.cases.conv_geometry import random_geometry

_CASES = 300


def input_grad_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of DEPTHWISE_CONV_2D_INPUT_GRAD."""
    for _ in range(_CASES):
        geometry = random_geometry(rng, depthwise=True)
        yield input_grad_case(rng, DepthwiseConv2DInputGrad, twin.input_grad, True, geometry)


def filter_update_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of DEPTHWISE_CONV_2D_FILTER_UPDATE."""
    for _ in range(_CASES):
        geometry = random_geometry(rng, depthwise=True)
        yield filter_update_case(
            rng, DepthwiseConv2DFilterUpdate, twin.filter_update, True, geometry
        )
