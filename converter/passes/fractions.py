"""Gives the weights in training 16 bits: a byte of fraction for each, in a variable beside it.

A filter stays int8 for every operator that reads it. With few or small updates the rounding of
int8 weights, though right on average, is noise that costs accuracy; fractions take it away
for one more byte of arena a weight and none of flash.
"""

from __future__ import annotations

from converter.ir.backward import scaled
from converter.ir.training_ops import FILTER_UPDATES, FRACTION
from converter.model.graph import Operator, Quantization, Tensor

_FILTER_UPDATES = tuple(record.CUSTOM_CODE for record in FILTER_UPDATES)
_FILTER, _UPDATE_SCALE, _FRACTION = 3, 5, 7


def add_fractions(backward: list[Operator]) -> list[Tensor]:
    """Let every filter update keep a fraction. Returns these variables, one for each filter."""
    fractions: dict[int, Tensor] = {}
    for operator in backward:
        if operator.name not in _FILTER_UPDATES:
            continue
        weights, scale = operator.inputs[_FILTER], operator.inputs[_UPDATE_SCALE]
        assert weights is not None and scale is not None
        if id(weights) not in fractions:
            fractions[id(weights)] = _fraction_of(weights)
        operator.inputs[_UPDATE_SCALE] = scaled(scale, FRACTION)
        operator.inputs[_FRACTION] = fractions[id(weights)]
    return list(fractions.values())


def _fraction_of(weights: Tensor) -> Tensor:
    # Its scale is a channel's matter, that of the filter, and nobody reads it here.
    quantization = Quantization.per_tensor(1.0, 0)
    name = f"{weights.name}/fraction"
    return Tensor(name, weights.shape, weights.dtype, quantization, is_variable=True)
