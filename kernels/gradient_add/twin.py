"""GRADIENT_ADD in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import GradientAdd
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

_FRACTION_BITS = 15


def _ratio(small: np.float32, large: np.float32) -> int:
    """small / large with 15 fraction bits; 0 for what is no ratio in 0..1."""
    with np.errstate(all="ignore"):
        ratio = small / large
    return int(product(ratio, 32768)) if 0 < ratio <= 1 else 0


def gradient_add(
    options: GradientAdd,
    gradient_a: np.ndarray,
    gradient_scale_a: np.ndarray,
    gradient_b: np.ndarray,
    gradient_scale_b: np.ndarray,
    masked_by: np.ndarray | None,
) -> list[np.ndarray]:
    """[gradient of the same shape, gradient_scale float32 [2]]."""
    a = (gradient_a.astype(np.int64), *read_gradient_scale(gradient_scale_a))
    other = gradient_b.reshape(gradient_a.shape).astype(np.int64)
    b = (other, *read_gradient_scale(gradient_scale_b))
    present = [term for term in (a, b) if term[2] != 0]
    if not present:
        return list(no_gradient(gradient_a.shape, gradient_a.dtype))

    if len(present) == 1:
        total, sigma, bound = present[0]
        fraction_bits = 0
    else:
        large, small = (b, a) if b[1] > a[1] else (a, b)
        ratio = _ratio(small[1], large[1])
        total = large[0] * 32768 + small[0] * ratio
        bound = large[2] * 32768 + small[2] * ratio
        sigma = large[1]
        fraction_bits = _FRACTION_BITS

    shift = max(0, bits(bound) - options.gradient_bits)
    mantissas = saturate(rounding_shift(total, shift), options.gradient_bits)
    scale = product(sigma, power_of_two(shift - fraction_bits))
    return list(
        finish_gradient(
            mantissas, masked_by, options.mask_min, options.mask_max, scale, gradient_a.dtype
        )
    )
