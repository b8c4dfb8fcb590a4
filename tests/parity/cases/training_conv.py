"""Cases of TRAINING_CONV_2D and TRAINING_DEPTHWISE_CONV_2D."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from converter.ir.training_ops import TrainingConv, TrainingConv2D, TrainingDepthwiseConv2D
from kernels.training_conv_2d.twin import training_conv_2d
from kernels.training_depthwise_conv_2d.twin import training_depthwise_conv_2d
from tests.parity.case import Case
from tests.parity.cases import generators
from tests.parity.cases.conv_2d_grad import filter_shape, map_shapes, split_filter
from tests.parity.cases.conv_geometry import random_geometry

_CASES = 300
_ZERO_POINTS = (-128, 127, 0, -3)


def _tables(rng: np.random.Generator, channels: int, terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers that bring sums of `terms` products near the range of int8, or anywhere."""
    size = channels if rng.random() < 0.7 else 1
    multiplier = rng.integers(2**30, 2**31, size).astype(np.int32)
    typical = -int(np.log2(terms * 64)) + rng.integers(-3, 3, size)
    shift = typical if rng.random() < 0.7 else rng.integers(-31, 31, size)
    dead = rng.random(size) < 0.1
    return np.where(dead, 0, multiplier).astype(np.int32), np.where(dead, 0, shift).astype(np.int8)


def _bias(rng: np.random.Generator, channels: int) -> np.ndarray:
    """int32, some at the ends: what follows wraps."""
    bias = rng.integers(-(2**31), 2**31, channels) >> rng.integers(0, 31, channels)
    return bias.astype(np.int32)


def _case(rng: np.random.Generator, op: type[TrainingConv], run: Callable, depthwise: bool) -> Case:
    g = random_geometry(rng, depthwise)
    input_shape, output_shape = map_shapes(g)
    whole = generators.weights(rng, filter_shape(g, depthwise))
    split, filter_, frozen_filter = split_filter(rng, whole)
    channels, inputs = g["output_channels"], g["input_channels"]
    terms = whole.size // channels
    low, high = sorted(int(v) for v in rng.integers(-128, 128, 2))
    mask_min, mask_max = generators.mask_bounds(rng)
    options = op(
        **g,
        input_zero_point=int(rng.choice(_ZERO_POINTS)),
        output_zero_point=int(rng.choice(_ZERO_POINTS)),
        activation_min=low if rng.random() < 0.3 else -128,
        activation_max=high if rng.random() < 0.3 else 127,
        split=split,
        saved_channels=int(rng.choice((0, inputs, rng.integers(1, inputs + 1)))),
        saves_mask=int(rng.integers(2)),
        mask_min=mask_min,
        mask_max=mask_max,
    )
    outputs: list[tuple[tuple[int, ...], type]] = [(output_shape, np.int8)]
    if options.saved_channels:
        outputs.append(((*input_shape[:-1], options.saved_channels), np.int8))
    if options.saves_mask:
        outputs.append(((-(-int(np.prod(input_shape)) // 8),), np.uint8))
    return Case(
        options=options,
        inputs=(
            generators.activations(rng, input_shape),
            filter_,
            generators.optional(rng, _bias(rng, channels)),
            *_tables(rng, channels, terms),
            frozen_filter,
        ),
        outputs=outputs,
        twin=run,
        constant=(3, 4) if frozen_filter is None else (3, 4, 5),
    )


def conv_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRAINING_CONV_2D."""
    for _ in range(_CASES):
        yield _case(rng, TrainingConv2D, training_conv_2d, depthwise=False)


def depthwise_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRAINING_DEPTHWISE_CONV_2D."""
    for _ in range(_CASES):
        yield _case(rng, TrainingDepthwiseConv2D, training_depthwise_conv_2d, depthwise=True)
