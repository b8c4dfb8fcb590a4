"""The training operators that work on gradients element by element, and their options.

The conventions are those of training_ops.py, which lists them with all others.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from converter.ir.options import Options


@dataclasses.dataclass(frozen=True)
class GradientSlice(Options):
    """The box [begin, begin + size) of a gradient: the gradient of PAD and of one input
    of CONCATENATION. Inputs [gradient [dim_0..dim_3], gradient_scale float32 [2], masked_by
    [size_0..size_3] or absent]; outputs [gradient [size_0..size_3], gradient_scale]."""

    CUSTOM_CODE: ClassVar[str] = "GRADIENT_SLICE"
    dim_0: int
    dim_1: int
    dim_2: int
    dim_3: int
    begin_0: int
    begin_1: int
    begin_2: int
    begin_3: int
    size_0: int
    size_1: int
    size_2: int
    size_3: int
    mask_min: int
    mask_max: int


@dataclasses.dataclass(frozen=True)
class GradientMask(Options):
    """Inputs [gradient, gradient_scale float32 [2], masked_by (same shape)]; outputs
    [gradient, gradient_scale]. Zero where masked_by is clamped."""

    CUSTOM_CODE: ClassVar[str] = "GRADIENT_MASK"
    elements: int
    mask_min: int
    mask_max: int


@dataclasses.dataclass(frozen=True)
class GradientAdd(Options):
    """The sum of two gradients of one tensor. Inputs [gradient_a, gradient_scale_a float32 [2],
    gradient_b, gradient_scale_b float32 [2], masked_by or absent]; outputs [gradient,
    gradient_scale]."""

    CUSTOM_CODE: ClassVar[str] = "GRADIENT_ADD"
    elements: int
    gradient_bits: int
    mask_min: int
    mask_max: int


@dataclasses.dataclass(frozen=True)
class GradientMul(Options):
    """A gradient times an int8 tensor: the gradient of one operand of MUL, and, with a factor
    of 1 or -1 in its stead, of ADD and SUB. Inputs [gradient (the output's shape),
    gradient_scale float32 [2], other int8 or absent, masked_by (the operand's shape) or absent];
    outputs [gradient (the operand's shape), gradient_scale]. The factor is other - zero_point,
    without other -zero_point. The output's shape is folded to [dim_0, dim_1, dim_2, dim_3];
    reduced_i is 1 where the operand is broadcast over dim_i, so that its gradient is a sum,
    else 0; repeated_i is 1 where `other` is broadcast over dim_i, else 0."""

    CUSTOM_CODE: ClassVar[str] = "GRADIENT_MUL"
    dim_0: int
    dim_1: int
    dim_2: int
    dim_3: int
    reduced_0: int
    reduced_1: int
    reduced_2: int
    reduced_3: int
    repeated_0: int
    repeated_1: int
    repeated_2: int
    repeated_3: int
    zero_point: int
    gradient_bits: int  # B of the gradient that is written
    mask_min: int
    mask_max: int
    scale_factor: float  # of `other`


@dataclasses.dataclass(frozen=True)
class ActivationGrad(Options):
    """The gradient of an activation function. Inputs [gradient, gradient_scale float32 [2],
    activation int8 (same shape), derivative int16 [256]]; outputs [gradient, gradient_scale].
    Where activation is q, the function's input or its output, its derivative is
    derivative[q + 128] * scale_factor."""

    CUSTOM_CODE: ClassVar[str] = "ACTIVATION_GRAD"
    elements: int
    gradient_bits: int  # B of the gradient that is written
    scale_factor: float
