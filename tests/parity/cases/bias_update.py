"""Cases of BIAS_UPDATE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import BiasUpdate
from kernels.bias_update import twin
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 300
_INT32_MAX = 2**31 - 1


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random biases, some saturated at the ends of int32."""
    for _ in range(_CASES):
        positions = int(rng.choice((1, 2, 7, 36, 256, 1500)))
        channels = int(rng.choice((1, 2, 3, 10, 64, 65, 130)))
        dtype, bits = generators.mantissa_type(rng)
        max_abs = generators.magnitude(rng, (1 << bits) - 1)
        scale = generators.gradient_scale(rng, max_abs)
        options = BiasUpdate(
            positions=positions,
            channels=channels,
            clamp=int(rng.choice((1, 20, 127, 1 << 20, _INT32_MAX))),
            limit=int(rng.choice((0, 1000, 1 << 24, _INT32_MAX))),
        )
        bias = rng.integers(-(2**31), 2**31, channels) >> rng.integers(0, 31)
        yield Case(
            options=options,
            inputs=(
                generators.mantissas(rng, (1, positions, channels), max_abs, dtype),
                scale,
                bias.astype(np.int32),
                generators.learning_rate(rng, float(scale[0])),
                generators.update_scale(rng, channels),
                generators.random_state(rng),
            ),
            outputs=(),
            twin=twin.bias_update,
            written=(2, 5),
        )
