"""NumPy twin of CONV_2D_INPUT_GRAD and CONV_2D_FILTER_UPDATE, and of TRANSPOSE_CONV's: with their
options the taps join the layer's maps the other way round (kernels/core/taps.py).

Arguments are the operators' inputs in order, in any shape of the right size; absent
optional inputs are None. Sums run in float64, which is exact here: they stay below 2^53.
"""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import ConvFilterUpdate, ConvInputGrad
from kernels.core import twin
from kernels.core.taps import joined_filter, taps

_FULL_MULTIPLIER = 32767


def _scale_mantissas(
    mantissas: np.ndarray, multiplier: np.ndarray | int | None, headroom: int
) -> np.ndarray:
    if multiplier is None:
        return twin.rounding_shift(mantissas << max(headroom, 0), max(-headroom, 0))
    return twin.rounding_shift(mantissas * multiplier, 15 - headroom)


def input_grad(
    options: ConvInputGrad,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    filter_: np.ndarray,
    multiplier: np.ndarray | None,
    masked_by: np.ndarray | None,
    frozen_filter: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """gradient [1, H, W, I] and gradient_scale float32 [2] of the input."""
    g = options
    shape = (1, g.input_height, g.input_width, g.input_channels)
    sigma, max_abs = twin.read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return twin.no_gradient(shape, gradient.dtype)

    headroom = g.accumulator_bits - twin.bits(max_abs)
    per_channel = None if multiplier is None else multiplier.reshape(-1).astype(np.int64)
    full = None if multiplier is None else _FULL_MULTIPLIER
    mantissas = gradient.reshape(g.output_height, g.output_width, g.output_channels)
    a = _scale_mantissas(mantissas.astype(np.int64), per_channel, headroom).astype(np.float64)
    a_max = int(_scale_mantissas(np.array(max_abs), full, headroom))
    shift = max(0, twin.bits(a_max * g.weight_bound) - g.gradient_bits)

    weights = joined_filter(
        filter_, frozen_filter, g.split, (g.output_channels, g.filter_height, g.filter_width)
    ).astype(np.float64)
    acc = np.zeros(shape[1:], np.float64)
    for tap in taps(g):
        acc[tap.inputs] += a[tap.outputs] @ weights[:, tap.ky, tap.kx]
    rounded = twin.rounding_shift(acc.astype(np.int64), shift).reshape(shape)
    return twin.finish_gradient(
        twin.saturate(rounded, g.gradient_bits),
        masked_by,
        g.mask_min,
        g.mask_max,
        twin.product(sigma, np.float32(g.scale_factor), twin.power_of_two(shift - headroom)),
        gradient.dtype,
    )


def filter_gradient(
    options: ConvFilterUpdate, input_: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    """sum (x - z) * m, int64 [O, KH, KW, channels]."""
    g = options
    x = input_.reshape(g.input_height, g.input_width, -1)[..., : g.channels].astype(np.float64)
    x -= g.input_zero_point
    m = gradient.reshape(g.output_height, g.output_width, g.output_channels)
    m = m.astype(np.float64)
    acc = np.zeros((g.output_channels, g.filter_height, g.filter_width, g.channels))
    for tap in taps(g):
        columns = x[tap.inputs].reshape(-1, g.channels)
        acc[:, tap.ky, tap.kx] = m[tap.outputs].reshape(-1, g.output_channels).T @ columns
    return acc.astype(np.int64)


def filter_update(
    options: ConvFilterUpdate,
    input_: np.ndarray,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    filter_: np.ndarray,
    learning_rate: np.ndarray,
    update_scale: np.ndarray,
    random_state: np.ndarray,
    fraction: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """The filter, int8 in its own shape, random_state, int32 [1], and, if there is one, the
    fraction after the step."""
    sigma, max_abs = twin.read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return (filter_, random_state) if fraction is None else (filter_, random_state, fraction)
    acc = filter_gradient(options, input_, gradient)
    factor = twin.decompose_factor(
        twin.product(learning_rate, sigma, update_scale).reshape(-1, 1, 1, 1)
    )
    updated = filter_.reshape(*acc.shape[:3], -1).copy()
    rest = None if fraction is None else fraction.reshape(updated.shape).copy()
    updated[..., : options.channels], state, fractions = twin.update_weights(
        updated[..., : options.channels],
        acc,
        factor,
        options.clamp,
        random_state,
        None if rest is None else rest[..., : options.channels],
    )
    if fraction is None or rest is None:
        return updated.reshape(filter_.shape), state
    rest[..., : options.channels] = fractions
    return updated.reshape(filter_.shape), state, rest.reshape(fraction.shape)
