"""Cases of DEPTHWISE_CONV_2D_INPUT_GRAD and DEPTHWISE_CONV_2D_FILTER_UPDATE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import DepthwiseConv2DFilterUpdate, DepthwiseConv2DInputGrad
from kernels.depthwise_conv_2d_grad import twin
from tests.parity.case import Case
from tests.parity.cases.conv_2d_grad import filter_update_case, input_grad_case
from tests.parity.cases.conv_geometry import random_geometry, same_geometry

_CASES = 300
# Side, channels, window and stride of layers that the fast paths are made for, each tried so often.
_LAYERS = ((4, 24, 3, 1), (3, 16, 3, 1), (8, 8, 3, 1), (4, 16, 5, 1), (8, 16, 7, 2), (12, 8, 3, 2))
_TRIES = 6


def _geometries(rng: np.random.Generator) -> Iterator[dict[str, int]]:
    for _ in range(_CASES):
        yield random_geometry(rng, depthwise=True)
    for layer in _LAYERS:
        for _ in range(_TRIES):
            yield same_geometry(*layer)


def input_grad_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of DEPTHWISE_CONV_2D_INPUT_GRAD."""
    for geometry in _geometries(rng):
        yield input_grad_case(rng, DepthwiseConv2DInputGrad, twin.input_grad, True, geometry)


def filter_update_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of DEPTHWISE_CONV_2D_FILTER_UPDATE."""
    for geometry in _geometries(rng):
        yield filter_update_case(
            rng, DepthwiseConv2DFilterUpdate, twin.filter_update, True, geometry
        )
