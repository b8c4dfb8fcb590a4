"""The plan of a conversion, layer by layer, and its costs."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.conversion import TrainingModel
from converter.ir.training_ops import Conv2DInputGrad, DepthwiseConv2DInputGrad
from converter.model.graph import Operator
from converter.rules import rule_of
from converter.rules.convolution import dead_channels, input_of, largest_real
from converter.rules.rule import LayerUpdate

_INPUT_GRADS = (Conv2DInputGrad.CUSTOM_CODE, DepthwiseConv2DInputGrad.CUSTOM_CODE)


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """One row. shape: of the output, [N, H, W, C]; update: None if frozen; saved_bytes:
    int8 activations that live on into the backward pass because of this layer; macs_*:
    multiply-accumulates of one step; frozen_channels: channels too weak to train; input_range: the
    largest |real value| that the layer's input can hold."""

    index: int
    name: str
    operator: str
    shape: tuple[int, ...]
    update: LayerUpdate | None
    saved_bytes: int
    macs_forward: int
    macs_backward: int
    frozen_channels: int
    input_range: float


def _macs(operator: Operator) -> int:
    rule = rule_of(operator.name)
    return rule.macs(operator) if rule else 0


def layer_plans(converted: TrainingModel) -> list[LayerPlan]:
    """The plan, in order of the layers."""
    training = converted.training
    saved = _saved_bytes(training.forward, training.backward)
    differentiated = _differentiated(training.backward)
    plans = []
    for layer in training.layers:
        update = training.scheme.get(layer.index)
        forward = _macs(layer.operator)
        backward = forward if id(layer.filter) in differentiated else 0
        frozen = 0
        if update is not None:
            backward += forward * update.channels // update.of
            channels = (layer.operator.output.shape[-1],)
            frozen = int(np.broadcast_to(dead_channels(layer.operator), channels).sum())
        plans.append(
            LayerPlan(
                index=layer.index,
                name=layer.name,
                operator=layer.operator.name,
                shape=layer.operator.output.shape,
                update=update,
                saved_bytes=saved.get(id(layer.operator), 0),
                macs_forward=forward,
                macs_backward=backward,
                frozen_channels=frozen,
                input_range=largest_real(input_of(layer.operator)),
            )
        )
    return plans


def _saved_bytes(forward: list[Operator], backward: list[Operator]) -> dict[int, int]:
    """id(forward operator) -> bytes of its input and output that the backward pass reads.

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
