"""int8 clamps of activation functions."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.ir.training_ops import UNMASKED_MAX, UNMASKED_MIN
from converter.model.graph import Tensor
from converter.model.schema import schema

_REAL_BOUNDS = {
    schema.ActivationFunctionType.RELU: (0.0, None),
    schema.ActivationFunctionType.RELU6: (0.0, 6.0),
    schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
}
# Standalone operators, as the activation that they apply.
ACTIVATION_OPERATORS = {
    "RELU": schema.ActivationFunctionType.RELU,
    "RELU6": schema.ActivationFunctionType.RELU6,
    "RELU_N1_TO_1": schema.ActivationFunctionType.RELU_N1_TO_1,
}
SUPPORTED_ACTIVATIONS = (schema.ActivationFunctionType.NONE, *_REAL_BOUNDS)


@dataclasses.dataclass(frozen=True)
class Clamp:
    """The gradient of `tensor` is 0 where its int8 value is <= minimum or >= maximum."""

    tensor: Tensor
    minimum: int
    maximum: int


def clamp_of(tensor: Tensor, activation: int) -> Clamp | None:
    """The clamp that a fused activation puts on an int8 tensor, or None for NONE.

    Bounds as TFLite's CalculateActivationRangeQuantized.
    """
    if activation not in _REAL_BOUNDS:
        return None
    low, high = _REAL_BOUNDS[activation]

    def quantize(real: float) -> int:
        # TFLite rounds half away from zero; the quotient is a float32 there.
        quotient = float(np.float32(real) / np.float32(tensor.scale))
        return tensor.zero_point + int(quotient + 0.5 if quotient >= 0 else quotient - 0.5)

    minimum = max(-128, quantize(low))
    maximum = 127 if high is None else min(127, quantize(high))
    return Clamp(tensor, minimum, maximum)


def activation_range(tensor: Tensor, activation: int) -> tuple[int, int]:
    """(activation_min, activation_max) of an operator that writes `tensor`."""
    clamp = clamp_of(tensor, activation)
    return (-128, 127) if clamp is None else (clamp.minimum, clamp.maximum)


def mask_bounds(clamp: Clamp | None) -> tuple[int, int]:
    """(mask_min, mask_max) for an option record."""
    return (UNMASKED_MIN, UNMASKED_MAX) if clamp is None else (clamp.minimum, clamp.maximum)
