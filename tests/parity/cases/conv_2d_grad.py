"""Cases of CONV_2D_INPUT_GRAD and CONV_2D_FILTER_UPDATE."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from converter.ir.training_ops import (
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    ConvFilterUpdate,
    ConvInputGrad,
    TransposeConvFilterUpdate,
)
from kernels.conv_2d_grad import twin
from tests.parity.case import Case
from tests.parity.cases import generators
from tests.parity.cases.conv_geometry import random_geometry

_CASES = 300


def _bits_below(limit: int) -> int:
    """The most bits B, at most 15, with 2^B <= limit."""
    return min(15, limit.bit_length() - 1)


def filter_shape(g: dict[str, int], depthwise: bool) -> tuple[int, ...]:
    """[O, KH, KW, I] or, depthwise, [1, KH, KW, O]."""
    window = (g["filter_height"], g["filter_width"])
    if depthwise:
        return (1, *window, g["output_channels"])
    return (g["output_channels"], *window, g["input_channels"])


def split_filter(
    rng: np.random.Generator, filter_: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray | None]:
    """A split of its channels, the innermost dimension, and the two parts; half are whole."""
    channels = filter_.shape[-1]
    if channels == 1 or rng.random() < 0.5:
        return 0, filter_, None
    split = int(rng.integers(1, channels))
    return split, filter_[..., :split].copy(), filter_[..., split:].copy()


def map_shapes(g: dict[str, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of the input and of the output map."""
    return (
        (1, g["input_height"], g["input_width"], g["input_channels"]),
        (1, g["output_height"], g["output_width"], g["output_channels"]),
    )


def input_grad_case(
    rng: np.random.Generator,
    op: type[ConvInputGrad],
    run: Callable,
    depthwise: bool,
    g: dict[str, int],
) -> Case:
    """A random case of the input gradient of a convolution with the geometry g."""
    input_shape, output_shape = map_shapes(g)
    filter_ = generators.weights(rng, filter_shape(g, depthwise))
    taps = g["filter_height"] * g["filter_width"]
    terms = taps * (1 if depthwise else g["output_channels"])
    accumulator_bits = _bits_below(2**31 // (terms * 127))
    dtype, bits = generators.mantissa_type(rng)
    gradient_bits = int(rng.integers(1, min(bits, accumulator_bits if depthwise else 15) + 1))
    max_abs = generators.magnitude(rng, (1 << gradient_bits) - 1)

    magnitudes = np.abs(filter_.astype(np.int64))
    if depthwise:
        weight_sums = magnitudes.sum(axis=(0, 1, 2)).reshape(g["input_channels"], -1).sum(axis=1)
    else:
        weight_sums = magnitudes.sum(axis=(0, 1, 2))
    weight_bound = max(1, int(weight_sums.max()))
    if rng.random() < 0.1:
        weight_bound = max(1, weight_bound // 50)  # too small: the mantissas saturate

    mask_min, mask_max = generators.mask_bounds(rng)
    split, filter_, frozen_filter = split_filter(rng, filter_)
    options = op(
        **g,
        accumulator_bits=int(rng.integers(1, accumulator_bits + 1)),
        gradient_bits=int(rng.integers(1, bits + 1)),
        weight_bound=weight_bound,
        mask_min=mask_min,
        mask_max=mask_max,
        scale_factor=float(np.float32(10.0 ** rng.uniform(-7, 7))),
        split=split,
    )
    multiplier = rng.integers(0, 32768, g["output_channels"]).astype(np.int16)
    multiplier[rng.integers(len(multiplier))] = 32767
    return Case(
        options=options,
        inputs=(
            generators.mantissas(rng, output_shape, max_abs, dtype),
            generators.gradient_scale(rng, max_abs),
            filter_,
            generators.optional(rng, multiplier),
            generators.optional(rng, generators.mask(rng, input_shape)),
            frozen_filter,
        ),
        outputs=((input_shape, dtype), ((2,), np.float32)),
        twin=run,
        constant=(2,) if rng.random() < 0.5 else (),
    )


def filter_update_case(
    rng: np.random.Generator,
    op: type[ConvFilterUpdate],
    run: Callable,
    depthwise: bool,
    g: dict[str, int],
) -> Case:
    """A random case of the filter update of a convolution with the geometry g."""
    input_shape, output_shape = map_shapes(g)
    coarse = "input" if op is TransposeConvFilterUpdate else "output"
    positions = g[f"{coarse}_height"] * g[f"{coarse}_width"]
    dtype, bits = generators.mantissa_type(rng)
    gradient_bits = min(bits, _bits_below(2**31 // (positions * 255)))
    max_abs = generators.magnitude(rng, (1 << gradient_bits) - 1)
    most = g["output_channels"] if depthwise else g["input_channels"]
    channels = most if rng.random() < 0.5 else int(rng.integers(1, most + 1))
    # Tensors that hold all channels, those that are trained, or anything between.
    needed = -(-channels * g["input_channels"] // most)
    stored = int(rng.choice((0, needed, rng.integers(needed, g["input_channels"] + 1))))
    filter_channels = int(rng.choice((0, channels, rng.integers(channels, most + 1))))
    options = op(
        **g,
        input_zero_point=int(rng.choice((-128, 127, 0, rng.integers(-128, 128)))),
        channels=channels,
        clamp=int(rng.choice((1, 1, 2, 4, 127))),
        stored_channels=stored,
        filter_channels=filter_channels,
    )
    window = filter_shape(g, depthwise)[:-1]
    scale = generators.gradient_scale(rng, max_abs)
    filter_ = generators.weights(rng, (*window, filter_channels or most))
    filter_.flat[-1] = -128  # no converter writes it, but a frozen channel keeps it
    fraction = generators.optional(rng, generators.activations(rng, filter_.shape))
    return Case(
        options=options,
        inputs=(
            generators.activations(rng, (*input_shape[:-1], stored or input_shape[-1])),
            generators.mantissas(rng, output_shape, max_abs, dtype),
            scale,
            filter_,
            generators.learning_rate(rng, float(scale[0])),
            generators.update_scale(rng, g["output_channels"]),
            generators.random_state(rng),
            fraction,
        ),
        outputs=(),
        twin=run,
        written=(3, 6) if fraction is None else (3, 6, 7),
    )


def input_grad_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of CONV_2D_INPUT_GRAD."""
    for _ in range(_CASES):
        geometry = random_geometry(rng, depthwise=False)
        yield input_grad_case(rng, Conv2DInputGrad, twin.input_grad, False, geometry)


def filter_update_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of CONV_2D_FILTER_UPDATE."""
    for _ in range(_CASES):
        geometry = random_geometry(rng, depthwise=False)
        yield filter_update_case(rng, Conv2DFilterUpdate, twin.filter_update, False, geometry)
