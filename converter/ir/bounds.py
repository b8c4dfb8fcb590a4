"""Widths and limits that keep the integer arithmetic of a training graph from overflowing.

All of them follow from shapes, weights and quantisation, so they are proven when the
model is converted; docs/arithmetic.md has the arithmetic that they guard.
"""

from __future__ import annotations

import math

import numpy as np

INT32_LIMIT = 2**31
MAX_GRADIENT_BITS = 15
MAX_BIAS_POSITIONS = 65536  # int16 mantissas that BIAS_UPDATE sums in int32
MAX_OPERAND = 255  # |x - zero_point| of int8
_MAX_WEIGHT = 127


def _bits_below(limit: int, terms: int) -> int:
    """The largest B with terms * 2^B <= limit, at most 15; -1 if there is none."""
    return min(MAX_GRADIENT_BITS, (limit // terms).bit_length() - 1)


def filter_update_bits(positions: int) -> int:
    """Bits of a gradient that sum (x - z) * m over `positions` in int32 can take."""
    return _bits_below(INT32_LIMIT, positions * MAX_OPERAND)


def input_gradient_bits(terms: int) -> int:
    """Bits of a mantissa that sum w * m over `terms` products in int32 can take."""
    return _bits_below(INT32_LIMIT, terms * _MAX_WEIGHT)


def broadcast_bits(terms: int, largest_factor: int) -> int:
    """Bits of a gradient that sum factor * m over `terms` positions, over which an operand is
    broadcast, in int32 can take."""
    return _bits_below(INT32_LIMIT, terms * largest_factor)


def bias_limit(terms: int, multipliers: np.ndarray) -> int:
    """The largest |bias| with which the forward accumulator cannot overflow.

    The accumulator holds bias + sum over `terms` of (x - z) * w, and TFLite shifts it left
    by the exponent of its output multiplier s_x * s_w / s_y if that is 1 or more
    (MultiplyByQuantizedMultiplier). multipliers: float [C]. The result may be <= 0: then
    even trained weights alone could overflow.
    """
    exponent = max(0, math.frexp(float(np.max(multipliers)))[1])
    return ((INT32_LIMIT - 1) >> exponent) - terms * MAX_OPERAND * _MAX_WEIGHT


def weight_bound(weights: np.ndarray, strides: tuple[int, int], dilations: tuple[int, int]) -> int:
    """The largest sum |w| over the taps and outputs that meet in one input element.

    weights: int8 [O, KH, KW, I]. With a stride only taps of one phase meet in a pixel.
    At least 1.
    """
    absolute = np.abs(weights.astype(np.int64)).sum(axis=0)  # [KH, KW, I]
    phase_y = (np.arange(weights.shape[1]) * dilations[0]) % strides[0]
    phase_x = (np.arange(weights.shape[2]) * dilations[1]) % strides[1]
    bound = 1
    for y in np.unique(phase_y):
        for x in np.unique(phase_x):
            taps = absolute[phase_y == y][:, phase_x == x]
            bound = max(bound, int(taps.sum(axis=(0, 1)).max()))
    return bound
