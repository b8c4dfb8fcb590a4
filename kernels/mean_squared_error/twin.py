"""MEAN_SQUARED_ERROR in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import MeanSquaredError
from kernels.core.loss_twin import is_positive
from kernels.core.twin import (
    bits,
    gradient_scale,
    mantissa_bits,
    no_gradient,
    power_of_two,
    product,
    rounding_shift,
    saturate,
)


def mean_squared_error(
    options: MeanSquaredError,
    output: np.ndarray,
    target: np.ndarray,
    learning_rate: np.ndarray,
    *,
    dtype: type = np.int16,
) -> list[np.ndarray]:
    """[loss float32 [1], gradient of `dtype` in the shape of `output`, gradient_scale float32
    [2]]."""
    difference = output.astype(np.int64) - target
    loss = product([int((difference**2).sum())], options.loss_scale)
    if not is_positive(learning_rate[0]):
        return [loss, *no_gradient(output.shape, dtype)]
    shift = max(0, bits(int(np.abs(difference).max())) - mantissa_bits(dtype))
    mantissas = saturate(rounding_shift(difference, shift), mantissa_bits(dtype))
    sigma = product(options.gradient_scale, power_of_two(shift))
    scale = gradient_scale(sigma, int(np.abs(mantissas).max()))
    return [loss, mantissas.astype(dtype), scale]
