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
_SMALL_FILTERS = 50
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


def _small_filter(rng: np.random.Generator, depthwise: bool) -> dict[str, int]:
    """A map of many pixels for a filter of few bytes, which is put together before the kernel."""
    height, width = (int(v) for v in rng.integers(6, 12, 2))
    inputs, outputs = int(rng.choice((1, 1, 3, 8, 13))), int(rng.choice((2, 8, 16)))
    return {
        "input_height": height,
        "input_width": width,
        "input_channels": inputs,
        "filter_height": 3,
        "filter_width": 3,
        "output_height": height,
        "output_width": width,
        "output_channels": inputs * outputs if depthwise else outputs,
        "stride_height": 1,
        "stride_width": 1,
        "dilation_height": 1,
        "dilation_width": 1,
        "padding_top": 1,
        "padding_left": 1,
    }


def _case(
    rng: np.random.Generator,
    op: type[TrainingConv],
    run: Callable,
    depthwise: bool,
    g: dict[str, int],
) -> Case:
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


def _cases(
    rng: np.random.Generator, op: type[TrainingConv], run: Callable, depthwise: bool
) -> Iterator[Case]:
    for i in range(_CASES):
        of_any_size = i < _CASES - _SMALL_FILTERS
        g = (random_geometry if of_any_size else _small_filter)(rng, depthwise)
        yield _case(rng, op, run, depthwise, g)


def conv_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRAINING_CONV_2D."""
    yield from _cases(rng, TrainingConv2D, training_conv_2d, depthwise=False)


def depthwise_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random cases of TRAINING_DEPTHWISE_CONV_2D."""
    yield from _cases(rng, TrainingDepthwiseConv2D, training_depthwise_conv_2d, depthwise=True)
