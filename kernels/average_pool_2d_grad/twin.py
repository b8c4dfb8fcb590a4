"""AVERAGE_POOL_2D_GRAD in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import AveragePool2DGrad
from kernels.core.pool_twin import overlap_shift, windows
from kernels.core.twin import (
    finish_gradient,
    no_gradient,
    power_of_two,
    product,
    read_gradient_scale,
    rounding_shift,
    saturate,
)


def average_pool_2d_grad(
    options: AveragePool2DGrad,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    masked_by: np.ndarray | None,
) -> list[np.ndarray]:
    """[gradient [1, H, W, C], gradient_scale float32 [2]]."""
    shape = (1, options.input_height, options.input_width, options.channels)
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(shape, gradient.dtype))

    windowed = gradient.reshape(options.output_height, options.output_width, -1).astype(np.int64)
    count_min = min(window.count for window in windows(options))
    sums = np.zeros(shape[1:], np.int64)
    for window in windows(options):
        weight = count_min * 32768 // window.count
        share = rounding_shift(windowed[window.output] * weight, 15)
        sums[window.rows, window.columns] += share

    shift = overlap_shift(options, max_abs)
    mantissas = saturate(rounding_shift(sums, shift), options.gradient_bits).reshape(shape)
    with np.errstate(all="ignore"):
        scale = product(sigma / np.float32(count_min), power_of_two(shift))
    return list(
        finish_gradient(
            mantissas, masked_by, options.mask_min, options.mask_max, scale, gradient.dtype
        )
    )
