"""The integer arithmetic of docs/arithmetic.md in NumPy, as the kernels compute it.

Integer arrays are int64 here, where the kernels use int32 under bounds that the converter
keeps; every value that the bounds allow is the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from converter.ir.training_ops import FRACTION

MAX_FACTOR_SHIFT = 30
WEIGHT_LIMIT = 127
_MAX_MANTISSA = 32767


def bits(value: int) -> int:
    """The smallest b with value < 2^b."""
    return int(value).bit_length()


def rounding_shift(value: np.ndarray, shift: int | np.ndarray) -> np.ndarray:
    """value / 2^shift, half up, for shift >= 0 and |value| <= 2^62. int64."""
    value = np.asarray(value, np.int64)
    shift = np.asarray(shift, np.int64)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    return (value + half) >> shift


def saturate(value: np.ndarray, bits: int) -> np.ndarray:
    """value clamped to +-(2^bits - 1)."""
    limit = (1 << bits) - 1
    return np.clip(value, -limit, limit)


def power_of_two(exponent: int) -> np.float32:
    """2^exponent, the exponent clamped to that of a normal float."""
    return np.ldexp(np.float32(1), min(max(exponent, -126), 127))


def log2_q16(value: int) -> int:
    """log2(value) with 16 fraction bits, for 1 <= value < 2^32."""
    result = bits(value) - 1
    y = value << (31 - result)
    for _ in range(16):
        y = (y * y) >> 31
        carry = y >> 32
        y >>= carry
        result = 2 * result + carry
    return result


class Factor(NamedTuple):
    """multiplier * 2^-(32 + shift) for each channel; a shift above 30 does not train."""

    multiplier: np.ndarray
    shift: np.ndarray

    @property
    def trains(self) -> np.ndarray:
        return self.shift <= MAX_FACTOR_SHIFT


def decompose_factor(value: np.ndarray) -> Factor:
    """Splits float32 values into factors, exactly."""
    word = np.asarray(value, np.float32).view(np.uint32).astype(np.int64)
    exponent = (word >> 23) & 255
    fraction = word & 0x7FFFFF
    negative = word >> 31 != 0
    usable = (exponent > 0) & ~negative & ~((exponent == 255) & (fraction != 0))
    shift = np.where(usable, 125 - exponent, MAX_FACTOR_SHIFT + 1)
    return Factor((fraction | 0x800000) << 7, shift)


def product(*factors: ArrayLike) -> np.ndarray:
    """A float32 product, left to right; overflow gives infinity and no warning."""
    with np.errstate(all="ignore"):
        result = np.asarray(factors[0], np.float32)
        for factor in factors[1:]:
            result = result * np.asarray(factor, np.float32)
    return result


def read_gradient_scale(gradient_scale: np.ndarray) -> tuple[np.float32, int]:
    """sigma and max|m| of a gradient_scale, float32 [2]; (0, 0) where there is none."""
    sigma, max_abs = np.asarray(gradient_scale, np.float32)
    if not max_abs >= 1:
        return np.float32(0), 0
    return sigma, int(min(max_abs, np.float32(_MAX_MANTISSA)))


def gradient_scale(sigma: np.ndarray | np.float32, max_abs: int) -> np.ndarray:
    """A gradient_scale, float32 [2]."""
    return np.array([0 if max_abs == 0 else sigma, max_abs], np.float32)


def no_gradient(
    shape: tuple[int, ...], dtype: np.dtype | type = np.int16
) -> tuple[np.ndarray, np.ndarray]:
    """What an operator writes when it sees no gradient. The mantissas are not specified."""
    return np.zeros(shape, dtype), np.zeros(2, np.float32)


def mantissa_bits(dtype: np.dtype | type) -> int:
    """The most bits of a mantissa of that type, without the sign."""
    return 8 * np.dtype(dtype).itemsize - 1


def passes(masked_by: np.ndarray, size: int, mask_min: int, mask_max: int) -> np.ndarray:
    """bool [size]: where a mask, the saved activation or its bits, lets a gradient pass."""
    flat = masked_by.reshape(-1)
    if flat.dtype == np.uint8:
        return np.unpackbits(flat, bitorder="little")[:size] != 0
    return (flat > mask_min) & (flat < mask_max)


def finish_gradient(
    mantissas: np.ndarray,
    masked_by: np.ndarray | None,
    mask_min: int,
    mask_max: int,
    sigma: np.ndarray | np.float32,
    dtype: np.dtype | type,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks the mantissas of a gradient; mantissas of `dtype` and gradient_scale."""
    if masked_by is not None:
        passing = passes(masked_by, mantissas.size, mask_min, mask_max)
        mantissas = np.where(passing.reshape(mantissas.shape), mantissas, 0)
    max_abs = int(np.abs(mantissas).max())
    return mantissas.astype(dtype), gradient_scale(sigma, max_abs)


def rounded_step(acc: np.ndarray, factor: Factor, clamp: int) -> np.ndarray:
    """acc * factor to the nearest integer, within +-clamp, for factors that train."""
    shift = np.clip(32 + factor.shift, 1, 62)
    return np.clip(rounding_shift(acc * factor.multiplier, shift), -clamp, clamp)


def draw_random(state: int, count: int) -> tuple[np.ndarray, int]:
    """The next `count` numbers of xorshift32, as int64, and the state after them."""
    state = state or 1
    numbers = np.empty(count, np.int64)
    for i in range(count):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        numbers[i] = state
    return numbers, state


def random_step(
    acc: np.ndarray, factor: Factor, clamp: int, random_state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """acc * factor as integer steps within +-clamp, rounded at random in memory order.

    `acc` and both arrays of `factor` have one shape. Steps of factors that do not train are
    0. Returns the steps and random_state, int32 [1].
    """
    multiplier, shift = factor.multiplier, factor.shift
    rounds = (shift > 0) & (shift <= MAX_FACTOR_SHIFT)
    drawn, state = draw_random(int(random_state[0]) & 0xFFFFFFFF, int(rounds.sum()))
    t = (acc * multiplier)[rounds] >> 32
    limit = np.minimum(np.int64(clamp) << shift[rounds], 2**31 - 1)
    t = np.clip(t, -limit, limit)
    step = np.where(shift <= 0, rounded_step(acc, factor, clamp), 0)
    step[rounds] = (t + (drawn >> (32 - shift[rounds]))) >> shift[rounds]
    return step, np.array([state], np.uint32).view(np.int32)


def update_weights(
    weights: np.ndarray,
    acc: np.ndarray,
    factor: Factor,
    clamp: int,
    random_state: np.ndarray,
    fractions: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Weights after one step, rounded at random in memory order.

    `weights`, `fractions` (int8, optional), `acc` and both arrays of `factor` are broadcast to
    one shape. Returns the weights, random_state, int32 [1], and the fractions.
    """
    shape = weights.shape
    one = 1 if fractions is None else FRACTION
    whole = Factor(np.broadcast_to(factor.multiplier, shape), np.broadcast_to(factor.shift, shape))
    step, state = random_step(np.broadcast_to(acc, shape), whole, clamp * one, random_state)
    before = weights.astype(np.int64) * one + (0 if fractions is None else fractions)
    after = np.clip(before - step, -WEIGHT_LIMIT * one, WEIGHT_LIMIT * one)
    values = rounding_shift(after, one.bit_length() - 1)
    updated = np.where(whole.trains, values, weights).astype(np.int8)
    if fractions is not None:
        fractions = np.where(whole.trains, after - values * one, fractions).astype(np.int8)
    return updated, state, fractions
