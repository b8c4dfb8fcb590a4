"""Every bound that keeps the integers of the training operators from overflowing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from converter.ir.bounds import (
    INT32_MAX,
    INT64_MAX,
    MAX_BIAS_POSITIONS,
    MAX_EXTENT,
    MAX_MANTISSA,
    MAX_WINDOWS,
    ZERO_POINT_ROOM,
)
from converter.ir.options import Options
from converter.ir.training_ops import (
    FILTER_UPDATES,
    INPUT_GRADS,
    TRAINING_OPS,
    ActivationGrad,
    AveragePool2DGrad,
    BiasUpdate,
    Conv2DInputGrad,
    DepthwiseConv2DInputGrad,
    GradientAdd,
    GradientMul,
    MaxPool2DGrad,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
    TransposeConvInputGrad,
)
from converter.proof.facts import (
    Facts,
    depthwise_total,
    derivative,
    extent,
    forward_accumulator,
    forward_sum,
    mul_factor,
    mul_terms,
    overlap,
    sum_over_positions,
    tensor_bytes,
    window,
)

_POOLS = (AveragePool2DGrad, MaxPool2DGrad)
_FORWARD = (TrainingConv2D, TrainingDepthwiseConv2D)
LARGEST_DIFFERENCE = 255  # of two int8


@dataclasses.dataclass(frozen=True)
class Bound:
    """A magnitude that must stay at or below `limit`. formula: `worst` as docs/arithmetic.md
    writes it, M being the largest |m| and w the largest |weight|."""

    name: str
    operators: tuple[type[Options], ...]
    formula: str
    worst: Callable[[Facts], int]
    limit: int


BYTES = Bound("bytes of a tensor", TRAINING_OPS, "bytes", tensor_bytes, INT32_MAX)
BOUNDS: tuple[Bound, ...] = (
    BYTES,
    Bound(
        "extent, stride, dilation or padding",
        (*_FORWARD, *INPUT_GRADS, *FILTER_UPDATES, *_POOLS),
        "the largest",
        extent,
        MAX_EXTENT,
    ),
    Bound(
        "sum of products",
        _FORWARD,
        "products * 255 * w; with a frozen filter 255 * sum \\|W\\|",
        forward_sum,
        INT32_MAX,
    ),
    Bound(
        "accumulator",
        _FORWARD,
        "(products * 255 * w + \\|b\\|) * 2^max(e, 0) of trained channels",
        forward_accumulator,
        INT32_MAX - ZERO_POINT_ROOM,
    ),
    Bound(
        "coefficient",
        (Conv2DInputGrad, TransposeConvInputGrad),
        "2^A; 2^15 - 1 for A = 15, where it is not rounded up",
        lambda f: (1 << f.options.accumulator_bits) - (f.options.accumulator_bits == 15),
        MAX_MANTISSA,
    ),
    Bound(
        "sum of products",
        (Conv2DInputGrad, TransposeConvInputGrad),
        "KH * KW * O * w * 2^A",
        lambda f: (
            window(f.options)
            * f.options.output_channels
            * f.weight
            * (1 << f.options.accumulator_bits)
        ),
        INT32_MAX,
    ),
    Bound(
        "sum of products",
        (DepthwiseConv2DInputGrad,),
        "KH * KW * w * M",
        lambda f: window(f.options) * f.weight * f.mantissa,
        INT32_MAX,
    ),
    Bound(
        "total over the multiplier",
        (DepthwiseConv2DInputGrad,),
        "KH * KW * O / I * w * M * 2^15",
        depthwise_total,
        2**62,
    ),
    Bound(
        "sum over positions",
        FILTER_UPDATES,
        "OH * OW * 255 * M; transposed H * W * 255 * M",
        sum_over_positions,
        INT32_MAX,
    ),
    Bound(
        "positions",
        (BiasUpdate,),
        "positions; their sum is at most 2^16 * M",
        lambda f: f.options.positions,
        MAX_BIAS_POSITIONS,
    ),
    Bound(
        "product of a step",
        (*FILTER_UPDATES, BiasUpdate),
        "(sum over positions) * 2^31 + 2^31; of a bias (positions * M) * 2^31 + 2^31",
        lambda f: sum_over_positions(f) * 2**31 + 2**31,
        INT64_MAX,
    ),
    Bound(
        "windows of one input",
        _POOLS,
        "ceil(KH / SH) * ceil(KW / SW); their sum is at most 2^15 * M",
        overlap,
        MAX_WINDOWS,
    ),
    Bound(
        "sum of two",
        (GradientAdd,),
        "2^15 * (M of a + M of b)",
        lambda f: 32768 * sum(f.mantissas),
        INT32_MAX,
    ),
    Bound(
        "sum of products",
        (GradientMul,),
        "terms * max \\|f\\| * M",
        lambda f: mul_terms(f.options) * mul_factor(f) * f.mantissa,
        INT32_MAX,
    ),
    Bound(
        "product",
        (ActivationGrad,),
        "max \\|D\\| * M",
        lambda f: derivative(f) * f.mantissa,
        INT32_MAX,
    ),
    Bound(
        "sum of exponentials",
        (SoftmaxCrossEntropy,),
        "N * 2^Q",
        lambda f: f.options.classes << f.options.exponential_bits,
        2**30,
    ),
    Bound(
        "sum of squares",
        (MeanSquaredError,),
        "N * 255^2",
        lambda f: f.options.elements * LARGEST_DIFFERENCE**2,
        INT64_MAX,
    ),
)

_OF = {op: tuple(bound for bound in BOUNDS if op in bound.operators) for op in TRAINING_OPS}


def bounds_of(record: type[Options]) -> tuple[Bound, ...]:
    return _OF[record]
