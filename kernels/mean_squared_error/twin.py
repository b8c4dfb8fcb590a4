"""MEAN_SQUARED_ERROR in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import MeanSquaredError
from kernels.core.loss_twin import is_positive
from kernels.core.twin import gradient_scale, no_gradient, product


def mean_squared_error(
    options: MeanSquaredError,
    output: np.ndarray,
    target: np.ndarray,
    learning_rate: np.ndarray,
) -> list[np.ndarray]:
    """[loss float32 [1], gradient int16 of the shape of `output`, gradient_scale float32 [2]]."""
    difference = output.astype(np.int64) - target
    loss = product([int((difference**2).sum())], options.loss_scale)
    if not is_positive(learning_rate[0]):
        return [loss, *no_gradient(output.shape)]
    scale = gradient_scale(np.float32(options.gradient_scale), int(np.abs(difference).max()))
    return [loss, difference.astype(np.int16), scale]
