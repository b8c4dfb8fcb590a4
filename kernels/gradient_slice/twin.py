"""GRADIENT_SLICE in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import GradientSlice
from kernels.core.twin import finish_gradient, no_gradient, read_gradient_scale


def gradient_slice(
    options: GradientSlice,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    masked_by: np.ndarray | None,
) -> list[np.ndarray]:
    """[gradient [size_0, size_1, size_2, size_3], gradient_scale float32 [2]]."""
    o = options
    begin = (o.begin_0, o.begin_1, o.begin_2, o.begin_3)
    size = (o.size_0, o.size_1, o.size_2, o.size_3)
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(size, gradient.dtype))

    box = tuple(slice(b, b + s) for b, s in zip(begin, size, strict=True))
    mantissas = gradient.reshape(o.dim_0, o.dim_1, o.dim_2, o.dim_3)[box].astype(np.int64)
    return list(
        finish_gradient(mantissas, masked_by, o.mask_min, o.mask_max, sigma, gradient.dtype)
    )
