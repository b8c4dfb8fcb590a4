"""Cases of MEAN_GRAD, GRADIENT_SLICE, GRADIENT_MASK, GRADIENT_ADD and INITIALIZE_VARIABLES."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import (
    GradientAdd,
    GradientMask,
    GradientSlice,
    InitializeVariables,
    MeanGrad,
)
from kernels.gradient_add.twin import gradient_add
from kernels.gradient_mask.twin import gradient_mask
from kernels.gradient_slice.twin import gradient_slice
from kernels.initialize_variables.twin import initialize_variables
from kernels.mean_grad.twin import mean_grad
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 200


def _shape(rng: np.random.Generator) -> tuple[int, int, int, int]:
    a, b, c, d = (int(n) for n in rng.integers(1, 8, 4))
    return a, b, c, d


def _max_abs(rng: np.random.Generator, bits: int) -> int:
    return int(rng.integers(1, 1 << rng.integers(1, bits + 1)))


def _outputs(shape: tuple[int, ...], dtype: type) -> tuple[tuple[tuple[int, ...], type], ...]:
    return ((shape, dtype), ((2,), np.float32))


def mean_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Any of the dimensions reduced, none and all included."""
    for _ in range(_CASES):
        dims = _shape(rng)
        reduced = [int(r) for r in rng.integers(0, 2, 4)]
        dtype, bits = generators.mantissa_type(rng)
        max_abs = _max_abs(rng, bits)
        means = tuple(n for n, r in zip(dims, reduced, strict=True) if not r) or (1,)
        yield Case(
            options=MeanGrad(*dims, *reduced, *generators.mask_bounds(rng)),
            inputs=(
                generators.mantissas(rng, means, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                generators.optional(rng, generators.mask(rng, dims)),
            ),
            outputs=_outputs(dims, dtype),
            twin=mean_grad,
        )


def slice_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Boxes anywhere, the whole and a single element included."""
    for _ in range(_CASES):
        dims = _shape(rng)
        begin = [int(rng.integers(0, n)) for n in dims]
        size = [int(rng.integers(1, n - b + 1)) for n, b in zip(dims, begin, strict=True)]
        if rng.random() < 0.1:
            begin, size = [0] * 4, list(dims)
        dtype, bits = generators.mantissa_type(rng)
        max_abs = _max_abs(rng, bits)
        yield Case(
            options=GradientSlice(*dims, *begin, *size, *generators.mask_bounds(rng)),
            inputs=(
                generators.mantissas(rng, dims, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                generators.optional(rng, generators.mask(rng, tuple(size))),
            ),
            outputs=_outputs(tuple(size), dtype),
            twin=gradient_slice,
        )


def mask_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Masks that hide nothing, some or all of the gradient."""
    for _ in range(_CASES):
        shape = _shape(rng)
        elements = int(np.prod(shape))
        bounds = (0, 0) if rng.random() < 0.1 else generators.mask_bounds(rng)
        dtype, bits = generators.mantissa_type(rng)
        max_abs = _max_abs(rng, bits)
        yield Case(
            options=GradientMask(elements, *bounds),
            inputs=(
                generators.mantissas(rng, shape, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                generators.mask(rng, shape),
            ),
            outputs=_outputs(shape, dtype),
            twin=gradient_mask,
        )


def _second_scale(rng: np.random.Generator, first: np.ndarray, max_abs: int) -> np.ndarray:
    """A gradient_scale whose sigma is 1e-12 to 1e12 times the first, or equal to it."""
    kind = rng.integers(8)
    if kind == 0:
        return np.array([0, 0], np.float32)
    ratio = 1.0 if kind == 1 else 10.0 ** (rng.uniform(-12, 12) if kind < 5 else rng.uniform(-3, 3))
    with np.errstate(over="ignore"):
        return np.array([float(first[0]) * ratio, max_abs]).astype(np.float32)


def add_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Ratios of the scales from 1e-12 to 1e12; one or both gradients absent."""
    for _ in range(2 * _CASES):
        shape = _shape(rng)
        dtype, bits = generators.mantissa_type(rng)
        max_a, max_b = _max_abs(rng, bits), _max_abs(rng, bits)
        scale_a = generators.gradient_scale(rng, max_a)
        scale_b = _second_scale(rng, scale_a, max_b)
        yield Case(
            options=GradientAdd(
                int(np.prod(shape)), int(rng.integers(1, bits + 1)), *generators.mask_bounds(rng)
            ),
            inputs=(
                generators.mantissas(rng, shape, max_a, dtype),
                scale_a,
                generators.mantissas(rng, shape, max_b, dtype),
                scale_b,
                generators.optional(rng, generators.mask(rng, shape)),
            ),
            outputs=_outputs(shape, dtype),
            twin=gradient_add,
        )


def initialize_cases(rng: np.random.Generator) -> Iterator[Case]:
    """1 to 8 variables of all types."""
    for _ in range(_CASES // 4):
        pairs = []
        for _ in range(rng.integers(1, 9)):
            dtype = rng.choice([np.int8, np.int16, np.int32, np.float32])
            initial = rng.integers(-128, 128, _shape(rng)).astype(dtype)
            pairs += [initial, np.zeros_like(initial)]
        yield Case(
            options=InitializeVariables(),
            inputs=pairs,
            outputs=(),
            twin=initialize_variables,
            written=range(1, len(pairs), 2),
            constant=range(0, len(pairs), 2),
        )
