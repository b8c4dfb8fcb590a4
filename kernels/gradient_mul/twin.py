"""GRADIENT_MUL in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import GradientMul
from kernels.core.twin import (
    bits,
    finish_gradient,
    no_gradient,
    power_of_two,
    product,
    read_gradient_scale,
    rounding_shift,
    saturate,
)


def gradient_mul(
    options: GradientMul,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    other: np.ndarray | None,
    masked_by: np.ndarray | None,
) -> list[np.ndarray]:
    """[gradient [dim_0..dim_3] with 1 for the reduced ones, gradient_scale float32 [2]]."""
    o = options
    dims = (o.dim_0, o.dim_1, o.dim_2, o.dim_3)
    reduced = (o.reduced_0, o.reduced_1, o.reduced_2, o.reduced_3)
    repeated = (o.repeated_0, o.repeated_1, o.repeated_2, o.repeated_3)
    sigma, max_abs = read_gradient_scale(gradient_scale)
    operand = tuple(1 if r else dim for dim, r in zip(dims, reduced, strict=True))
    if max_abs == 0:
        return list(no_gradient(operand, gradient.dtype))

    factor: np.ndarray | int = -o.zero_point
    largest = abs(o.zero_point)
    if other is not None:
        shape = [1 if r else dim for dim, r in zip(dims, repeated, strict=True)]
        factor = other.reshape(shape).astype(np.int64) - o.zero_point
        largest = max(127 - o.zero_point, o.zero_point + 128)
    products = gradient.reshape(dims).astype(np.int64) * factor
    axes = tuple(i for i, r in enumerate(reduced) if r)
    sums = products.sum(axis=axes, keepdims=True)
    summed = sums.size != products.size
    bound = int(np.abs(sums).max()) if summed else max_abs * largest
    shift = max(0, bits(bound) - o.gradient_bits)
    mantissas = saturate(rounding_shift(sums, shift), o.gradient_bits)
    scale = product(sigma, o.scale_factor, power_of_two(shift))
    return list(
        finish_gradient(mantissas, masked_by, o.mask_min, o.mask_max, scale, gradient.dtype)
    )
