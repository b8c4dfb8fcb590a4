"""MEAN_GRAD in NumPy, bit for bit."""

from __future__ import annotations

import math

import numpy as np

from converter.ir.training_ops import MeanGrad
from kernels.core.twin import finish_gradient, no_gradient, read_gradient_scale


def mean_grad(
    options: MeanGrad,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    masked_by: np.ndarray | None,
) -> list[np.ndarray]:
    """[gradient [dim_0, dim_1, dim_2, dim_3], gradient_scale float32 [2]]."""
    o = options
    dims = (o.dim_0, o.dim_1, o.dim_2, o.dim_3)
    reduced = (o.reduced_0, o.reduced_1, o.reduced_2, o.reduced_3)
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(dims, gradient.dtype))

    kept = [1 if r else dim for dim, r in zip(dims, reduced, strict=True)]
    positions = math.prod(dim for dim, r in zip(dims, reduced, strict=True) if r)
    mantissas = np.broadcast_to(gradient.reshape(kept).astype(np.int64), dims)
    with np.errstate(all="ignore"):
        scale = sigma / np.float32(positions)
    return list(
        finish_gradient(mantissas, masked_by, o.mask_min, o.mask_max, scale, gradient.dtype)
    )
