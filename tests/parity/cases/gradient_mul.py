"""Cases of GRADIENT_MUL."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.bounds import MAX_OPERAND, broadcast_bits
from converter.ir.training_ops import GradientMul
from kernels.gradient_mul.twin import gradient_mul
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 400
_ZERO_POINTS = (-128, -128, 127, -1, 0, 1, 5)


def _dims(rng: np.random.Generator) -> tuple[int, ...]:
    """Small ones, now and then rows longer than the block that a kernel sums at once."""
    if rng.random() < 0.2:
        return (1, 1, int(rng.integers(1, 5)), int(rng.choice((63, 64, 65, 130, 200))))
    return tuple(int(n) for n in rng.integers(1, 8, 4))


def _flags(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Broadcast dimensions of the operand and of the other: none, a gate's, or any."""
    kind = rng.integers(4)
    if kind == 0:
        return [0] * 4, [0] * 4
    gate = [0, 1, 1, 0]
    if kind < 3:
        return ([0] * 4, gate) if kind == 1 else (gate, [0] * 4)
    reduced = [int(r) for r in rng.integers(0, 2, 4)]
    return reduced, [int(r) for r in rng.integers(0, 2, 4)]


def _kept(dims: tuple[int, ...], broadcast: list[int]) -> tuple[int, ...]:
    return tuple(1 if b else n for n, b in zip(dims, broadcast, strict=True))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Products and sums with as many bits as their int32 accumulator can take."""
    for _ in range(_CASES):
        dims = _dims(rng)
        reduced, repeated = _flags(rng)
        shape = _kept(dims, reduced)
        terms = int(np.prod(dims)) // int(np.prod(shape))
        dtype, bits = generators.mantissa_type(rng)
        most = min(bits, broadcast_bits(terms, MAX_OPERAND))
        max_abs = generators.magnitude(rng, (1 << most) - 1)
        other = generators.activations(rng, _kept(dims, repeated))
        mask_min, mask_max = generators.mask_bounds(rng)
        yield Case(
            options=GradientMul(
                *dims,
                *reduced,
                *repeated,
                zero_point=int(rng.choice(_ZERO_POINTS)),
                gradient_bits=int(rng.integers(1, bits + 1)),
                mask_min=mask_min,
                mask_max=mask_max,
                scale_factor=float(np.float32(10.0 ** rng.uniform(-7, 7))),
            ),
            inputs=(
                generators.mantissas(rng, dims, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                other if rng.random() < 0.8 else None,
                generators.optional(rng, generators.mask(rng, shape)),
            ),
            outputs=((shape, dtype), ((2,), np.float32)),
            twin=gradient_mul,
            constant=(2,) if rng.random() < 0.2 else (),
        )
