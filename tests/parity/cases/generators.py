"""Random arguments that several operators' cases share."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import UNMASKED_MAX, UNMASKED_MIN

# What a caller may put in a float: nothing, everything and no number at all.
EXTREME_FLOATS = (0.0, -0.0, -1.0, 1e-45, 1e-30, 1e30, np.inf, -np.inf, np.nan)


def magnitude(rng: np.random.Generator, limit: int) -> int:
    """1..limit, small ones as likely as large ones."""
    return min(limit, int(rng.integers(1, 2 << int(rng.integers(limit.bit_length())))))


def mantissa_type(rng: np.random.Generator) -> tuple[type, int]:
    """A type of mantissas, and the most bits that it holds."""
    return (np.int8, 7) if rng.random() < 0.4 else (np.int16, 15)


def mantissas(
    rng: np.random.Generator, shape: tuple[int, ...], max_abs: int, dtype: type
) -> np.ndarray:
    """`dtype` in +-max_abs: even, sparse, at both ends only, or all at one end."""
    kind = rng.integers(4)
    values = rng.integers(-max_abs, max_abs + 1, shape)
    if kind == 1:
        values *= rng.random(shape) < 0.2
    elif kind == 2:
        values = np.where(rng.random(shape) < 0.5, max_abs, -max_abs)
    elif kind == 3:
        values = np.full(shape, rng.choice((-max_abs, max_abs)))
    return values.astype(dtype)


def weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int8 in +-127: even, small, at both ends only, or at one end only."""
    kind = rng.integers(4)
    values = rng.integers(-127, 128, shape)
    if kind == 1:
        values //= 16
    elif kind == 2:
        values = np.where(values < 0, -127, 127)
    elif kind == 3:
        values = np.full(shape, 127)
    return values.astype(np.int8)


def activations(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int8 of the full range, now and then all at one end."""
    if rng.random() < 0.2:
        return np.full(shape, rng.choice((-128, 127)), np.int8)
    return rng.integers(-128, 128, shape).astype(np.int8)


def gradient_scale(rng: np.random.Generator, max_abs: int) -> np.ndarray:
    """A plausible sigma, now and then a tiny, huge or absent gradient."""
    sigma = 10.0 ** rng.uniform(-9, 0)
    kind = rng.integers(16)
    if kind == 0:
        sigma = 1e-30
    elif kind == 1:
        sigma = 1e30
    elif kind == 2:
        max_abs = 0
    return np.array([sigma, max_abs], np.float32)


def mask_bounds(rng: np.random.Generator) -> tuple[int, int]:
    """mask_min and mask_max: none, the ends of int8, or inside."""
    choices = ((UNMASKED_MIN, UNMASKED_MAX), (-128, 127), (-100, UNMASKED_MAX), (-30, 40))
    return choices[rng.integers(len(choices))]


def optional(rng: np.random.Generator, array: np.ndarray) -> np.ndarray | None:
    """The array, or None for an absent input."""
    return array if rng.random() < 0.6 else None


def mask(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A saved activation of that shape, or a bit mask for it, unused bits set at random."""
    if rng.random() < 0.5:
        return activations(rng, shape)
    size = -(-int(np.prod(shape)) // 8)
    if rng.random() < 0.2:
        return np.full(size, rng.choice((0, 255)), np.uint8)
    return rng.integers(0, 256, size).astype(np.uint8)


def learning_rate(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """float32 [1]: brings learning_rate * sigma to 1e-14..1e2, so that every shift of a
    factor occurs; sometimes a value that should not be."""
    if rng.random() < 0.1:
        return np.array([rng.choice(EXTREME_FLOATS)], np.float32)
    with np.errstate(over="ignore"):
        return np.array([10.0 ** rng.uniform(-14, 2) / sigma], np.float64).astype(np.float32)


def update_scale(rng: np.random.Generator, channels: int) -> np.ndarray:
    """float32 [channels] or [1]; some channels frozen or extreme."""
    values = 10.0 ** rng.uniform(-1, 1, channels if rng.random() < 0.7 else 1)
    if rng.random() < 0.3:
        extreme = rng.choice(EXTREME_FLOATS, values.shape)
        values = np.where(rng.random(values.shape) < 0.4, extreme, values)
    return values.astype(np.float32)


def random_state(rng: np.random.Generator) -> np.ndarray:
    """int32 [1], 0 included."""
    value = 0 if rng.random() < 0.1 else rng.integers(-(2**31), 2**31)
    return np.array([value], np.int32)
