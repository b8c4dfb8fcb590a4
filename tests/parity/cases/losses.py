"""Cases of SOFTMAX_CROSS_ENTROPY, SIGMOID_CROSS_ENTROPY and MEAN_SQUARED_ERROR."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from kernels.mean_squared_error.twin import mean_squared_error
from kernels.sigmoid_cross_entropy.twin import sigmoid_cross_entropy
from kernels.softmax_cross_entropy.twin import softmax_cross_entropy
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 300
_INT32_ENDS = (-(2**31), 2**31 - 1)


def _learning_rate(rng: np.random.Generator) -> np.ndarray:
    extreme = rng.random() < 0.3
    value = rng.choice(generators.EXTREME_FLOATS) if extreme else rng.random()
    return np.array([value], np.float32)


def _label(rng: np.random.Generator, classes: int) -> np.ndarray:
    if rng.random() < 0.2:
        return np.array([rng.choice((-1, classes, *_INT32_ENDS))], np.int32)
    return rng.integers(0, classes, 1).astype(np.int32)


def _outputs(shape: tuple[int, ...], dtype: type) -> tuple[tuple[tuple[int, ...], type], ...]:
    return (((1,), np.float32), (shape, dtype), ((2,), np.float32))


def _logits(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int8: any, all equal, at both ends, or one far above the rest."""
    kind = rng.integers(4)
    if kind == 0:
        return np.full(shape, rng.integers(-128, 128), np.int8)
    values = generators.activations(rng, shape)
    if kind == 1:
        values = np.where(values < 0, -128, 127).astype(np.int8)
    elif kind == 2:
        values = np.full(shape, -128, np.int8)
        values.flat[rng.integers(values.size)] = 127
    return values


def softmax_cases(rng: np.random.Generator) -> Iterator[Case]:
    """1 to 1000 classes, scales from nearly flat to one that leaves one class only."""
    for _ in range(_CASES):
        dtype, bits = generators.mantissa_type(rng)
        classes = int(rng.choice((1, 2, 3, 10, 12, 100, 1000)))
        exponential_bits = int(rng.integers(0, 30 - (classes - 1).bit_length() + 1))
        step = 10.0 ** rng.uniform(-4, 1)
        exponentials = np.exp(-step * np.arange(256)) * 2.0**exponential_bits
        options = SoftmaxCrossEntropy(
            classes=classes,
            exponential_bits=exponential_bits,
            gradient_bits=int(rng.integers(1, bits + 1)),
            logit_scale_q16=round(65536 * step),
            beta=float(np.float32(10.0 ** rng.uniform(-1, 1))),
        )
        shape = (1, classes) if rng.random() < 0.5 else (1, 1, 1, classes)
        yield Case(
            options=options,
            inputs=(
                _logits(rng, shape),
                _label(rng, classes),
                _learning_rate(rng),
                np.rint(exponentials).astype(np.int32),
            ),
            outputs=_outputs(shape, dtype),
            twin=functools.partial(softmax_cross_entropy, dtype=dtype),
            constant=(3,),
        )


def sigmoid_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Tables from nearly flat to a step: probabilities of exactly 0 and 1 occur."""
    for _ in range(_CASES):
        dtype, bits = generators.mantissa_type(rng)
        step = 10.0 ** rng.uniform(-4, 1)
        position = np.arange(-128, 128) - rng.integers(-128, 128)
        with np.errstate(over="ignore"):
            probabilities = 2.0**30 / (1.0 + np.exp(-step * position))
        shape = (1, 1) if rng.random() < 0.5 else (1, 1, 1, 1)
        yield Case(
            options=SigmoidCrossEntropy(gradient_bits=int(rng.integers(1, bits + 1))),
            inputs=(
                generators.activations(rng, shape),
                _label(rng, 2),
                _learning_rate(rng),
                np.rint(probabilities).astype(np.int32),
            ),
            outputs=_outputs(shape, dtype),
            twin=functools.partial(sigmoid_cross_entropy, dtype=dtype),
            constant=(3,),
        )


def mean_squared_error_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Outputs of any shape; some equal to their target, some as far from it as can be."""
    for _ in range(_CASES):
        dtype, _ = generators.mantissa_type(rng)
        shape = tuple(int(n) for n in rng.integers(1, 9, rng.integers(1, 5)))
        output = generators.activations(rng, shape)
        kind = rng.integers(4)
        if kind == 0:
            target = output.copy()
        elif kind == 1:
            output, target = np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)
        else:
            target = generators.activations(rng, shape)
        options = MeanSquaredError(
            elements=output.size,
            loss_scale=float(np.float32(10.0 ** rng.uniform(-12, 3))),
            gradient_scale=float(np.float32(10.0 ** rng.uniform(-12, 7))),
        )
        yield Case(
            options=options,
            inputs=(output, target, _learning_rate(rng)),
            outputs=_outputs(shape, dtype),
            twin=functools.partial(mean_squared_error, dtype=dtype),
        )
