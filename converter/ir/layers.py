"""The parametrised layers of a graph, in order of execution: what can be trained."""

from __future__ import annotations

import dataclasses

from converter.model.graph import Graph, Operator, Tensor
from converter.rules.convolution import bias_of, filter_of
from converter.rules.rule import LayerUpdate

PARAMETRISED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A layer with weights. `index` counts from 0 at the input; `name` is unique."""

    index: int
    name: str
    operator: Operator

    @property
    def filter(self) -> Tensor:
        return filter_of(self.operator)

    @property
    def bias(self) -> Tensor | None:
        return bias_of(self.operator)

    @property
    def channels(self) -> int:
        """Channels that a slice counts: inputs, or outputs of a depthwise convolution."""
        return self.filter.shape[-1]

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
        if operator.is_custom or operator.name not in PARAMETRISED:
            continue
        if not filter_of(operator).is_constant:
            continue
        name = operator.output.name.split(";")[0] or f"layer_{len(layers)}"
        if name in taken:
            name = f"{name}#{len(layers)}"
        taken.add(name)
        layers.append(Layer(len(layers), name, operator))
    return layers
