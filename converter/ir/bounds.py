"""Widths and limits that keep the integer arithmetic of a training graph from overflowing.

All of them follow from shapes, weights and quantisation, so they are proven when the
model is converted; docs/arithmetic.md has the arithmetic that they guard.
"""

from __future__ import annotations

import numpy as np

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
MAX_GRADIENT_BITS = 15
MAX_MANTISSA = 2**MAX_GRADIENT_BITS - 1
MAX_BIAS_POSITIONS = 65536  # int16 mantissas that BIAS_UPDATE sums in int32
MAX_OPERAND = 255  # |x - zero_point| of int8
MAX_WEIGHT = 127  # of a filter in training
MAX_EXTENT = 32767  # kMaxExtent in kernels/core/geometry.h
MAX_WINDOWS = 32768  # of a pooling that hold one input; kMaxOverlap in kernels/core/pool.h
# What the output's zero point adds to an accumulator that has been requantised.
ZERO_POINT_ROOM = 128


def _bits_below(terms: int) -> int:
    """The largest B with terms * 2^B < 2^31, at most 15; -1 if there is none."""
    return min(MAX_GRADIENT_BITS, (INT32_MAX // terms).bit_length() - 1)


def filter_update_bits(positions: int) -> int:
    """Bits of a gradient that sum (x - z) * m over `positions` in int32 can take."""
    return _bits_below(positions * MAX_OPERAND)


def largest_weight(weights: np.ndarray) -> int:
    """The largest |w| that a filter, int8, has or can come to by training: -128 is seldom used
    and never written."""
    return 128 if weights.min(initial=0) == -128 else MAX_WEIGHT


def input_gradient_bits(terms: int, weight: int = MAX_WEIGHT) -> int:
    """Bits of a mantissa that sum w * m over `terms` products in int32 can take, |w| <= weight."""
    return _bits_below(terms * weight)


def broadcast_bits(terms: int, largest_factor: int) -> int:
    """Bits of a gradient that sum factor * m over `terms` positions, over which an operand is
    broadcast, in int32 can take."""
    # |m| < 2^B: a sum of `terms` * 2^B = 2^31 is not reached.
    return min(MAX_GRADIENT_BITS, (2**31 // (terms * largest_factor)).bit_length() - 1)


def forward_sum(weights: np.ndarray) -> int:
    """The largest |sum over x of (x - z) * w| of one output. weights: int8 [outputs, products]."""
    products = weights.shape[1]
    if products * MAX_OPERAND * 128 <= INT32_MAX:
        return products * MAX_OPERAND * largest_weight(weights)
    return MAX_OPERAND * int(np.abs(weights.astype(np.int64)).sum(axis=1).max())


def bias_limit(terms: int, shift: int, weight: int = MAX_WEIGHT) -> int:
    """The largest |bias| with which the forward accumulator cannot overflow.

    The accumulator holds bias + sum over `terms` of (x - z) * w, and TFLite shifts it left
    by the exponent `shift` of its output multiplier s_x * s_w / s_y if that is 1 or more
    (MultiplyByQuantizedMultiplier), and adds the output's zero point. The result may be < 0:
    then even trained weights alone could overflow.
    """
    return ((INT32_MAX - ZERO_POINT_ROOM) >> max(0, shift)) - terms * MAX_OPERAND * weight


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
