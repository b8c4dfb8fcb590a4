"""Gradients of every layer, sample by sample, as TFLite Micro computes them on this computer.

A training graph that updates all it can runs in the host's interpreter at a learning rate
so small that no weight moves; inputs and gradients are read from its tensors. A gradient is
scaled so that its square is the first-order decrease of the loss, per unit of learning rate,
by the update that the kernels make:

    dw_q = learning_rate * sigma * acc * update_scale,   dL/dw_q = sigma * acc * s_x * s_w
    E = sigma * acc * sqrt(s_x * s_w * update_scale),     dL = -learning_rate * sum E^2

(for a bias likewise with the sum of mantissas). Frozen and dead channels come out as 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from converter.errors import NoGradientError
from converter.ir.layers import Layer
from converter.ir.training_ops import (
    BiasUpdate,
    Conv2DFilterUpdate,
    ConvFilterUpdate,
    DepthwiseConv2DFilterUpdate,
    TransposeConvFilterUpdate,
)
from converter.model import Operator, write_model
from converter.passes.training_graph import (
    Source,
    TrainingGraph,
    build_training_graph,
    prepare,
)
from converter.rules.convolution import input_of, weight_scales
from converter.search.scheme import last
from kernels.conv_2d_grad.twin import filter_gradient as conv_filter_gradient
from kernels.depthwise_conv_2d_grad.twin import filter_gradient as depthwise_filter_gradient
from kernels.transpose_conv_grad.twin import filter_gradient as transpose_conv_filter_gradient

# Large enough to count as training, too small to move a weight.
_NO_STEP = np.array([1e-30], np.float32)
_FILTER_GRADIENTS: dict[str, tuple[type[ConvFilterUpdate], Callable[..., np.ndarray]]] = {
    Conv2DFilterUpdate.CUSTOM_CODE: (Conv2DFilterUpdate, conv_filter_gradient),
    DepthwiseConv2DFilterUpdate.CUSTOM_CODE: (
        DepthwiseConv2DFilterUpdate,
        depthwise_filter_gradient,
    ),
    TransposeConvFilterUpdate.CUSTOM_CODE: (
        TransposeConvFilterUpdate,
        transpose_conv_filter_gradient,
    ),
}


@dataclasses.dataclass(frozen=True)
class LayerGradient:
    """Of one sample: filter [taps and outputs, channels], float64; bias [O]; None if the layer
    has none."""

    filter: np.ndarray | None = None
    bias: np.ndarray | None = None


def deepest_training_graph(source: Source) -> TrainingGraph:
    """Everything that can be trained. Raises NoGradientError if nothing can."""
    layers = prepare(source).layers
    for count in range(len(layers), 1, -1):
        try:
            return build_training_graph(source, last(layers, count))
        except NoGradientError:
            continue
    return build_training_graph(source, last(layers, 1))


class Probe:
    """The graph in the interpreter."""

    def __init__(self, source: Source) -> None:
        from tflm_training._library import runtime

        scales = {
            layer.index: (input_of(layer.operator).scale, weight_scales(layer.operator))
            for layer in prepare(source).layers
        }
        self.training = deepest_training_graph(source)
        self.interpreter = runtime().Interpreter(write_model(self.training.model), None, True)
        tensors = self.training.model.graph.tensors()
        self._index = {id(tensor): i for i, tensor in enumerate(tensors)}
        self._parts = self._find_updates(scales)

    @property
    def trained(self) -> list[Layer]:
        return [self.training.layers[index] for index in sorted(self.training.scheme)]

    def run(self, sample: np.ndarray, label: np.ndarray) -> dict[int, LayerGradient]:
        """Layer index -> gradients of this sample; one without a gradient is absent."""
        for i, values in enumerate((sample, label, _NO_STEP)):
            self.interpreter.set_input(i, values)
        self.interpreter.invoke()
        found: dict[int, LayerGradient] = {}
        for index, operator, factor in self._parts:
            gradient = self._gradient(operator, factor)
            if gradient is not None:
                kind = "bias" if operator.name == BiasUpdate.CUSTOM_CODE else "filter"
                known = found.get(index, LayerGradient())
                found[index] = dataclasses.replace(known, **{kind: gradient})
        return found

    def _gradient(self, operator: Operator, factor: np.ndarray) -> np.ndarray | None:
        if operator.name == BiasUpdate.CUSTOM_CODE:
            gradient, scale = (self._read(operator, i) for i in (0, 1))
            if scale[1] < 1:
                return None
            return gradient.reshape(-1, factor.size).sum(axis=0, dtype=np.int64) * (
                float(scale[0]) * factor
            )
        record, filter_gradient = _FILTER_GRADIENTS[operator.name]
        values, gradient, scale = (self._read(operator, i) for i in (0, 1, 2))
        if scale[1] < 1:
            return None
        assert operator.custom_options is not None
        total = filter_gradient(record.unpack(operator.custom_options), values, gradient)
        if record is not DepthwiseConv2DFilterUpdate:
            factor = factor.reshape(-1, 1, 1, 1)
        return (total * (float(scale[0]) * factor)).reshape(-1, total.shape[-1])

    def _read(self, operator: Operator, i: int) -> np.ndarray:
        tensor = operator.inputs[i]
        assert tensor is not None
        return np.asarray(self.interpreter.tensor(self._index[id(tensor)]))

    def _find_updates(
        self, scales: dict[int, tuple[float, np.ndarray]]
    ) -> list[tuple[int, Operator, np.ndarray]]:
        """(layer index, update operator, factor of each output channel), from the input on."""
        # Layers that share their filter update it in the reverse order of execution.
        filters: dict[int, list[Layer]] = {}
        biases: dict[int, Layer] = {}
        for layer in self.training.layers:
            filters.setdefault(id(layer.filter), []).append(layer)
            biases[id(layer.bias)] = layer
        found = []
        for operator in self.training.backward:
            if operator.name in _FILTER_GRADIENTS:
                layer = filters[id(operator.inputs[3])].pop()
                update_scale = operator.inputs[5]
            elif operator.name == BiasUpdate.CUSTOM_CODE:
                layer = biases[id(operator.inputs[2])]
                update_scale = operator.inputs[4]
            else:
                continue
            assert update_scale is not None and update_scale.data is not None
            source_scale, weights = scales[layer.index]
            squared = source_scale * weights.astype(np.float64) * update_scale.data
            channels = layer.operator.output.shape[-1]
            found.append((layer.index, operator, np.broadcast_to(np.sqrt(squared), (channels,))))
        return found[::-1]
