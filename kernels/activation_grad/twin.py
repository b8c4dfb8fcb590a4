"""ACTIVATION_GRAD in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import ActivationGrad
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

_LARGEST_DERIVATIVE = 32767


def activation_grad(
    options: ActivationGrad,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    activation: np.ndarray,
    derivative: np.ndarray,
) -> list[np.ndarray]:
    """[gradient of the same shape, gradient_scale float32 [2]]."""
    sigma, max_abs = read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return list(no_gradient(gradient.shape, gradient.dtype))
    slopes = derivative.astype(np.int64)[activation.astype(np.int64) + 128]
    shift = max(0, bits(max_abs * _LARGEST_DERIVATIVE) - options.gradient_bits)
    products = gradient.astype(np.int64) * slopes.reshape(gradient.shape)
    mantissas = saturate(rounding_shift(products, shift), options.gradient_bits)
    scale = product(sigma, options.scale_factor, power_of_two(shift))
    return list(finish_gradient(mantissas, None, 0, 0, scale, gradient.dtype))
