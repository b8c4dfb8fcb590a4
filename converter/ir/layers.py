"""The parametrised layers of a graph, in order of execution: what can be trained."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.model.graph import Graph, Operator, Tensor
from converter.rules import refusal, rule_of
from converter.rules.convolution import (
    ConvolutionRule,
    bias_of,
    dead_channels,
    filter_of,
    input_of,
    largest_real,
)
from converter.rules.rule import LayerUpdate


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A layer with weights, as it was in the model; `operator` changes as passes work on it.

    index: counts from 0 at the input; name: unique; op: TFLite's name; shape: of the output;
    channels: those that a slice counts, inputs, or outputs of a depthwise convolution; macs:
    of one inference; dead_channels: output channels that cannot be trained (see
    rules.convolution.dead_channels); input_range: the largest |real value| of the input.
    """

    index: int
    name: str
    op: str
    shape: tuple[int, ...]
    channels: int
    macs: int
    dead_channels: int
    input_range: float
    operator: Operator

    @property
    def filter(self) -> Tensor:
        return filter_of(self.operator)

    @property
    def bias(self) -> Tensor | None:
        return bias_of(self.operator)

    def full_update(self) -> LayerUpdate:
        return LayerUpdate(bias=self.bias is not None, channels=self.channels, of=self.channels)

    def bias_update(self) -> LayerUpdate:
        return LayerUpdate(bias=self.bias is not None, channels=0, of=self.channels)


def find_layers(graph: Graph) -> list[Layer]:
    """Layers with constant weights. Names are those of the outputs, up to the first ';'
    (where TFLite's converter starts to list the ops that it has fused)."""
    layers: list[Layer] = []
    taken: set[str] = set()
    for operator in graph.operators:
        rule = None if operator.is_custom else rule_of(operator.name)
        if not isinstance(rule, ConvolutionRule) or not filter_of(operator).is_constant:
            continue
        name = operator.output.name.split(";")[0] or f"layer_{len(layers)}"
        if name in taken:
            name = f"{name}#{len(layers)}"
        taken.add(name)
        layers.append(_layer(len(layers), name, operator, rule))
    return layers


def _layer(index: int, name: str, operator: Operator, rule: ConvolutionRule) -> Layer:
    shape = operator.output.shape
    trainable = refusal(operator) is None
    return Layer(
        index=index,
        name=name,
        op=operator.name,
        shape=shape,
        channels=filter_of(operator).shape[-1],
        macs=rule.macs(operator) if trainable else 0,
        dead_channels=int(np.broadcast_to(dead_channels(operator), shape[-1:]).sum())
        if trainable
        else 0,
        input_range=largest_real(input_of(operator)),
        operator=operator,
    )
