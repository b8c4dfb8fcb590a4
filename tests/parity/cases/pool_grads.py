"""Cases of AVERAGE_POOL_2D_GRAD and MAX_POOL_2D_GRAD."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.ir.training_ops import AveragePool2DGrad, MaxPool2DGrad, PoolGrad
from kernels.average_pool_2d_grad.twin import average_pool_2d_grad
from kernels.max_pool_2d_grad.twin import max_pool_2d_grad
from tests.parity.case import Case
from tests.parity.cases import generators

_CASES = 300


def _dimension(rng: np.random.Generator) -> tuple[int, int, int, int, int]:
    """Inputs, filter, stride, outputs and padding of one dimension, SAME or VALID."""
    inputs = int(rng.integers(1, 12))
    window = int(rng.integers(1, inputs + 1))
    stride = int(rng.integers(1, 5))
    if rng.random() < 0.2:
        window, stride = inputs, inputs  # global pooling
    if rng.random() < 0.5:
        return inputs, window, stride, (inputs - window) // stride + 1, 0
    outputs = -(-inputs // stride)
    padding = max(0, (outputs - 1) * stride + window - inputs)
    return inputs, window, stride, outputs, padding // 2


def _random_options(rng: np.random.Generator, op: type[PoolGrad], bits: int) -> PoolGrad:
    height, filter_height, stride_height, output_height, padding_top = _dimension(rng)
    width, filter_width, stride_width, output_width, padding_left = _dimension(rng)
    mask_min, mask_max = generators.mask_bounds(rng)
    return op(
        input_height=height,
        input_width=width,
        channels=int(rng.choice((1, 2, 3, 15, 16, 17, 40))),
        filter_height=filter_height,
        filter_width=filter_width,
        output_height=output_height,
        output_width=output_width,
        stride_height=stride_height,
        stride_width=stride_width,
        padding_top=padding_top,
        padding_left=padding_left,
        gradient_bits=int(rng.integers(1, bits + 1)),
        mask_min=mask_min,
        mask_max=mask_max,
    )


def _saved_input(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int8: any, or few values, so that many of a window are equal."""
    values = generators.activations(rng, shape)
    kind = rng.integers(3)
    if kind == 0:
        values = (values // 64).astype(np.int8)
    elif kind == 1:
        values = np.full(shape, rng.choice((-128, 0, 127)), np.int8)
    return values


def _cases(rng: np.random.Generator, op: type[PoolGrad]) -> Iterator[Case]:
    is_max = op is MaxPool2DGrad
    for _ in range(_CASES):
        dtype, bits = generators.mantissa_type(rng)
        o = _random_options(rng, op, bits)
        input_shape = (1, o.input_height, o.input_width, o.channels)
        output_shape = (1, o.output_height, o.output_width, o.channels)
        max_abs = int(rng.integers(1, 1 << rng.integers(1, bits + 1)))
        saved = _saved_input(rng, input_shape)
        masked_by = generators.optional(rng, generators.mask(rng, input_shape))
        yield Case(
            options=o,
            inputs=(
                generators.mantissas(rng, output_shape, max_abs, dtype),
                generators.gradient_scale(rng, max_abs),
                saved if is_max else masked_by,
            ),
            outputs=((input_shape, dtype), ((2,), np.float32)),
            twin=max_pool_2d_grad if is_max else average_pool_2d_grad,
        )


def average_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Windows of equal and of uneven counts, overlapping and apart."""
    return _cases(rng, AveragePool2DGrad)


def max_cases(rng: np.random.Generator) -> Iterator[Case]:
    """The same windows over inputs with and without ties."""
    return _cases(rng, MaxPool2DGrad)
