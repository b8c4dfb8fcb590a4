"""Cases of APPLY_UPDATES."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import ApplyUpdates
from kernels.apply_updates import twin
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 300
_FIRST = 4
_INT32_MAX = 2**31 - 1


def _weights(rng: np.random.Generator) -> tuple[list[np.ndarray | None], int]:
    """A filter, what is pending for it, and its limit."""
    shape = tuple(int(n) for n in rng.integers(1, 6, 4))
    pending = rng.integers(-128, 128, shape) >> rng.integers(0, 8)
    fraction = rng.integers(-128, 128, shape) * rng.integers(0, 2, shape)
    arrays = [generators.weights(rng, shape), pending.astype(np.int8), fraction.astype(np.int8)]
    return [*arrays], int(rng.choice((1, 100, 127)))


def _biases(rng: np.random.Generator) -> tuple[list[np.ndarray | None], int]:
    """Biases, some saturated at the ends of int32."""
    channels = int(rng.integers(1, 70))
    bias, pending = (
        (rng.integers(-(2**31), 2**31, channels) >> rng.integers(0, 31)).astype(np.int32)
        for _ in range(2)
    )
    return [bias, pending, None], int(rng.choice((0, 1000, 1 << 24, _INT32_MAX)))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The last sample in half of the cases; inference, and counts that no run leaves, too."""
    for _ in range(_CASES):
        samples = int(rng.choice((1, 2, 3, 8, 100, 65536)))
        count = samples - 1 if rng.random() < 0.5 else int(rng.integers(0, samples))
        if rng.random() < 0.1:
            count = int(rng.choice((-(2**31), -1, samples, _INT32_MAX)))
        classes = int(rng.choice((0, 1, 2, 10)))
        label = np.array([rng.integers(-1, classes + 2) if rng.random() < 0.3 else 0], np.int32)
        rate = generators.learning_rate(rng, 1.0)
        parameters: list[np.ndarray | None] = []
        bounds = []
        for _ in range(rng.integers(1, 6)):
            arrays, limit = _weights(rng) if rng.random() < 0.6 else _biases(rng)
            parameters += arrays
            bounds.append((int(rng.choice((1, 3, 127))), limit))
        inputs = (
            label if classes else None,
            rate,
            np.array([count], np.int32),
            np.array(bounds, np.int32),
            *parameters,
        )
        yield Case(
            options=ApplyUpdates(samples=samples, classes=classes),
            inputs=inputs,
            outputs=(),
            twin=twin.apply_updates,
            written=(2, *(i for i in range(_FIRST, len(inputs)) if inputs[i] is not None)),
            constant=(3,),
        )
