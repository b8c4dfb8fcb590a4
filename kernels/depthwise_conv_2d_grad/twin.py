"""NumPy twin of DEPTHWISE_CONV_2D_INPUT_GRAD and DEPTHWISE_CONV_2D_FILTER_UPDATE.

Arguments are the operators' inputs in order, in any shape of the right size; absent
optional inputs are None.
"""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import DepthwiseConv2DFilterUpdate, DepthwiseConv2DInputGrad
from kernels.core import twin
from kernels.core.taps import joined_filter, taps

_NO_MULTIPLIER = 32768


def input_grad(
    options: DepthwiseConv2DInputGrad,
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

    m = gradient.reshape(g.output_height, g.output_width, g.output_channels).astype(np.int64)
    weights = joined_filter(
        filter_, frozen_filter, g.split, (g.filter_height, g.filter_width)
    ).astype(np.int64)
    acc = np.zeros((g.input_height, g.input_width, g.output_channels), np.int64)
    for tap in taps(g):
        acc[tap.inputs] += m[tap.outputs] * weights[tap.ky, tap.kx]
    acc *= _NO_MULTIPLIER if multiplier is None else multiplier.reshape(-1).astype(np.int64)
    total = acc.reshape(*shape, -1).sum(axis=-1)

    shift = max(-15, twin.bits(max_abs * g.weight_bound) - g.gradient_bits)
    return twin.finish_gradient(
        twin.saturate(twin.rounding_shift(total, 15 + shift), g.gradient_bits),
        masked_by,
        g.mask_min,
        g.mask_max,
        twin.product(sigma, np.float32(g.scale_factor), twin.power_of_two(shift)),
        gradient.dtype,
    )


def filter_gradient(
    options: DepthwiseConv2DFilterUpdate, input_: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    """sum (x - z) * m, int64 [KH, KW, channels]."""
    g = options
    x = input_.reshape(g.input_height, g.input_width, -1).astype(np.int64) - g.input_zero_point
    x = np.repeat(x, g.output_channels // g.input_channels, axis=2)[..., : g.channels]
    m = gradient.reshape(g.output_height, g.output_width, g.output_channels).astype(np.int64)
    m = m[..., : g.channels]
    acc = np.zeros((g.filter_height, g.filter_width, g.channels), np.int64)
    for tap in taps(g):
        acc[tap.ky, tap.kx] = (x[tap.inputs] * m[tap.outputs]).sum(axis=(0, 1))
    return acc


def filter_update(
    options: DepthwiseConv2DFilterUpdate,
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
    channels = options.channels
    acc = filter_gradient(options, input_, gradient)
    factors = np.broadcast_to(
        twin.product(learning_rate, sigma, update_scale), options.output_channels
    )
    updated = filter_.reshape(*acc.shape[:2], -1).copy()
    rest = None if fraction is None else fraction.reshape(updated.shape).copy()
    updated[..., :channels], state, fractions = twin.update_weights(
        updated[..., :channels],
        acc,
        twin.decompose_factor(factors[:channels]),
        options.clamp,
        random_state,
        None if rest is None else rest[..., :channels],
    )
    if fraction is None or rest is None:
        return updated.reshape(filter_.shape), state
    rest[..., : options.channels] = fractions
    return updated.reshape(filter_.shape), state, rest.reshape(fraction.shape)
