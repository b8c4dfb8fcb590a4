"""GRADIENT_MASK in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import GradientMask
from kernels.core.twin import finish_gradient, no_gradient, read_gradient_scale


def gradient_mask(
    options: GradientMask,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    masked_by: np.ndarray,
) -> list[np.ndarray]:
    """[gradient of the same shape, gradient_scale float32 [2]]."""
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(gradient.shape, gradient.dtype))
    mantissas = gradient.astype(np.int64)
    return list(
        finish_gradient(
            mantissas, masked_by, options.mask_min, options.mask_max, sigma, gradient.dtype
        )
    )
