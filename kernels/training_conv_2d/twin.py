"""NumPy twin of TRAINING_CONV_2D; arguments are the operator's inputs in order."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import TrainingConv2D
from kernels.core.requantize_twin import finish_training_conv
from kernels.core.taps import joined_filter, taps


def training_conv_2d(
    options: TrainingConv2D,
    input_: np.ndarray,
    filter_: np.ndarray,
    bias: np.ndarray | None,
    output_multiplier: np.ndarray,
    output_shift: np.ndarray,
    frozen_filter: np.ndarray | None,
) -> list[np.ndarray]:
    """[output int8 [1, OH, OW, O], saved_input and input_mask if the options ask for them].

    The sum runs in float64, which is exact here: it stays below 2^53.
    """
    g = options
    x = input_.reshape(g.input_height, g.input_width, g.input_channels).astype(np.float64)
    x -= g.input_zero_point
    weights = joined_filter(
        filter_, frozen_filter, g.split, (g.output_channels, g.filter_height, g.filter_width)
    ).astype(np.float64)
    acc = np.zeros((g.output_height, g.output_width, g.output_channels), np.float64)
    for tap in taps(g):
        acc[tap.outputs] += x[tap.inputs] @ weights[:, tap.ky, tap.kx].T
    return finish_training_conv(
        g, acc.astype(np.int64), input_, bias, output_multiplier, output_shift
    )
