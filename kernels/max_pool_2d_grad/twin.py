"""MAX_POOL_2D_GRAD in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import MaxPool2DGrad
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


def max_pool_2d_grad(
    options: MaxPool2DGrad,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    saved_input: np.ndarray,
) -> list[np.ndarray]:
    """[gradient [1, H, W, C], gradient_scale float32 [2]]."""
    shape = (1, options.input_height, options.input_width, options.channels)
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(shape, gradient.dtype))

    shift = overlap_shift(options, max_abs)
    windowed = gradient.reshape(options.output_height, options.output_width, -1)
    channels = np.arange(options.channels)
    mantissas = np.zeros(shape, np.int64)
    for window in windows(options):
        inside = saved_input[0, window.rows, window.columns]
        position = inside.reshape(-1, options.channels).argmax(axis=0)  # the first of equals
        y, x = np.divmod(position, inside.shape[1])
        taken = (0, window.rows.start + y, window.columns.start + x, channels)
        share = rounding_shift(windowed[window.output], shift)
        mantissas[taken] = saturate(mantissas[taken] + share, options.gradient_bits)

    scale = product(sigma, power_of_two(shift))
    return list(
        finish_gradient(
            mantissas, saved_input, options.mask_min, options.mask_max, scale, gradient.dtype
        )
    )
