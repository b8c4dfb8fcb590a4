"""The plan of a conversion, layer by layer, and its costs."""

from __future__ import annotations

import dataclasses

from converter.conversion import TrainingModel
from converter.ir.layers import Layer
from converter.ir.training_ops import INPUT_GRADS
from converter.model.graph import Operator
from converter.rules.rule import LayerUpdate

_INPUT_GRADS = tuple(record.CUSTOM_CODE for record in INPUT_GRADS)


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """One row. update: None if frozen; saved_bytes: what lives on from the forward into the
    backward pass because of this layer; macs_backward: multiply-accumulates of its input
    gradient and filter gradient in one step."""

    layer: Layer
    update: LayerUpdate | None
    saved_bytes: int
    macs_backward: int


def layer_plans(converted: TrainingModel) -> list[LayerPlan]:
    """The plan, in order of the layers."""
    training = converted.training
    saved = _saved_bytes(training.forward, training.backward)
    differentiated = _differentiated(training.backward)
    plans = []
    for layer in training.layers:
        update = training.scheme.get(layer.index)
        backward = layer.macs if id(layer.filter) in differentiated else 0
        if update is not None:
            backward += layer.macs * update.channels // update.of
        plans.append(LayerPlan(layer, update, saved.get(id(layer.operator), 0), backward))
    return plans


def _saved_bytes(forward: list[Operator], backward: list[Operator]) -> dict[int, int]:
    """id(forward operator) -> bytes of its tensors that the backward pass reads.

    A tensor counts once, for the first operator that touches it."""
    read = {id(t) for op in backward for t in op.inputs if t is not None}
    counted: set[int] = set()
    saved: dict[int, int] = {}
    for operator in forward:
        for tensor in operator.tensors():
            if tensor.is_constant or tensor.is_variable:
                continue
            if id(tensor) in read and id(tensor) not in counted:
                counted.add(id(tensor))
                saved[id(operator)] = saved.get(id(operator), 0) + tensor.bytes
    return saved


def _differentiated(backward: list[Operator]) -> set[int]:
    """id of the filters whose layers pass a gradient on to their input."""
    return {id(op.inputs[2]) for op in backward if op.name in _INPUT_GRADS}
