"""Cases of ACTIVATION_GRAD."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import ActivationGrad
from kernels.activation_grad.twin import activation_grad
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 200


def _derivative(rng: np.random.Generator) -> np.ndarray:
    """int16 [256]: a smooth one, any, or all at one end."""
    kind = rng.integers(3)
    if kind == 0:
        y = np.arange(256) / 256.0
        return np.round(4.0 * y * (1.0 - y) * 32767).astype(np.int16)
    if kind == 1:
        return rng.integers(-32768, 32768, 256).astype(np.int16)
    return np.full(256, rng.choice((-32768, -32767, 0, 32767)), np.int16)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The table in the flatbuffer or in the arena."""
    for _ in range(_CASES):
        shape = (1, *(int(n) for n in rng.integers(1, 9, 3)))
        dtype, bits = generators.mantissa_type(rng)
        max_abs = generators.magnitude(rng, (1 << bits) - 1)
        yield Case(
            options=ActivationGrad(
                elements=int(np.prod(shape)),
                gradient_bits=int(rng.integers(1, bits + 1)),
                scale_factor=float(np.float32(10.0 ** rng.uniform(-7, 7))),
            ),
            inputs=(
                generators.mantissas(rng, shape, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                generators.activations(rng, shape),
                _derivative(rng),
            ),
            outputs=((shape, dtype), ((2,), np.float32)),
            twin=activation_grad,
            constant=(3,) if rng.random() < 0.7 else (),
        )
