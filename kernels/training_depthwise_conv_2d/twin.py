"""NumPy twin of TRAINING_DEPTHWISE_CONV_2D; arguments are the operator's inputs in order."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import TrainingDepthwiseConv2D
from kernels.core.requantize_twin import finish_training_conv
from kernels.core.taps import joined_filter, taps


def training_depthwise_conv_2d(
    options: TrainingDepthwiseConv2D,
    input_: np.ndarray,
    filter_: np.ndarray,
    bias: np.ndarray | None,
    output_multiplier: np.ndarray,
    output_shift: np.ndarray,
    frozen_filter: np.ndarray | None,
) -> list[np.ndarray]:
    """[output int8 [1, OH, OW, O], saved_input and input_mask if the options ask for them]."""
    g = options
    x = input_.reshape(g.input_height, g.input_width, g.input_channels).astype(np.int64)
    x = np.repeat(x - g.input_zero_point, g.output_channels // g.input_channels, axis=2)
    weights = joined_filter(
        filter_, frozen_filter, g.split, (g.filter_height, g.filter_width)
    ).astype(np.int64)
    acc = np.zeros((g.output_height, g.output_width, g.output_channels), np.int64)
    for tap in taps(g):
        acc[tap.outputs] += x[tap.inputs] * weights[tap.ky, tap.kx]
    return finish_training_conv(g, acc, input_, bias, output_multiplier, output_shift)
