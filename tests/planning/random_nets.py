"""Random small int8 networks: convolutions, residual sums, branches, gates, views, poolings."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.ir.layers import Layer
from converter.model import Graph, Model, Operator, Quantization, Tensor, write_model
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme
from tests.memory.builders import constant, options

_SAME, _VALID = 0, 1
_ACTIVATIONS = (0, 1, 3)  # none, RELU, RELU6
Map = tuple[int, int, int, int]


class RandomNet:
    """Grows a classifier operator by operator; all randomness is from `seed`."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._operators: list[Operator] = []
        self._count = 0
        size = (1, self._int(4, 9), self._int(4, 9), self._int(1, 5))
        self._input = self._tensor(size)
        self._newest = self._input

    def flatbuffer(self) -> bytes:
        steps = (
            self._conv,
            self._depthwise,
            self._residual,
            self._branches,
            self._relu,
            self._pool,
            self._gate,
            self._smooth,
            self._difference,
        )
        for _ in range(self._int(2, 6)):
            steps[self._int(0, len(steps))]()
        self._head(classes=self._int(2, 6))
        return write_model(Model(Graph([self._input], [self._newest], self._operators)))

    def _int(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def _tensor(self, shape: tuple[int, ...], like: Tensor | None = None) -> Tensor:
        self._count += 1
        own = Quantization.per_tensor(0.02 + 0.01 * self._int(0, 5), self._int(-20, 20))
        quantization = own if like is None else like.quantization
        return Tensor(f"t{self._count}", shape, np.dtype(np.int8), quantization)

    def _add(
        self, name: str, inputs: list[Tensor], shape: tuple[int, ...], kind: str | None = None,
        like: Tensor | None = None, **fields: Any,
    ) -> Tensor:  # fmt: skip
        output = self._tensor(shape, like)
        self._operators.append(Operator(name, list(inputs), [output], *options(kind, **fields)))
        return output

    def _parameters(self, source: Tensor, shape: tuple[int, ...], axis: int) -> list[Tensor]:
        channels = shape[axis]
        scale = self._random.uniform(0.002, 0.02, channels).astype(np.float32)
        weights = self._random.integers(-127, 128, shape).astype(np.int8)
        biases = self._random.integers(-2000, 2000, channels).astype(np.int32)
        zeros = np.zeros(channels, np.int64)
        self._count += 1
        name = f"p{self._count}"
        return [
            Tensor(
                f"{name}_filter", shape, weights.dtype, Quantization(scale, zeros, axis), weights
            ),
            Tensor(
                f"{name}_bias", (channels,), biases.dtype,
                Quantization(scale * np.float32(source.scale), zeros), biases,
            ),
        ]  # fmt: skip

    def _conv_of(self, source: Tensor, channels: int, kernel: int, activation: int) -> Tensor:
        _, height, width, depth = source.shape
        return self._add(
            "CONV_2D",
            [source, *self._parameters(source, (channels, kernel, kernel, depth), 0)],
            (1, height, width, channels), "Conv2DOptions",
            strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, padding=_SAME,
            fusedActivationFunction=activation,
        )  # fmt: skip

    def _activation(self) -> int:
        return _ACTIVATIONS[self._int(0, len(_ACTIVATIONS))]

    def _conv(self) -> None:
        kernel = 1 + 2 * self._int(0, 2)
        self._newest = self._conv_of(self._newest, self._int(1, 9), kernel, self._activation())

    def _depthwise(self) -> None:
        source = self._newest
        _, height, width, depth = source.shape
        stride = self._int(1, 3)
        shape = (1, -(-height // stride), -(-width // stride), depth)
        self._newest = self._add(
            "DEPTHWISE_CONV_2D", [source, *self._parameters(source, (1, 3, 3, depth), 3)],
            shape, "DepthwiseConv2DOptions",
            strideH=stride, strideW=stride, dilationHFactor=1, dilationWFactor=1,
            depthMultiplier=1, padding=_SAME, fusedActivationFunction=self._activation(),
        )  # fmt: skip

    def _residual(self) -> None:
        source = self._newest
        branch = self._conv_of(source, self._int(1, 9), 1, 1)
        branch = self._conv_of(branch, source.shape[3], 3, 0)
        self._newest = self._add(
            "ADD", [source, branch], source.shape, "AddOptions",
            fusedActivationFunction=self._activation(),
        )  # fmt: skip

    def _branches(self) -> None:
        source = self._newest
        channels = self._int(1, 5)
        left = self._conv_of(source, channels, 3, 0)
        right = self._conv_of(source, channels, 1, 1)
        self._newest = self._add("ADD", [left, right], left.shape, "AddOptions")

    def _relu(self) -> None:
        source = self._conv_of(self._newest, self._int(1, 9), 1, 0)
        self._newest = self._add("RELU", [source], source.shape)

    def _gate(self) -> None:
        """Squeeze-and-excite, x * sigmoid(x), or times a constant."""
        source = self._newest
        kind = self._int(0, 3)
        if kind == 2:
            value = np.array(self._int(-128, 128), np.int8)
            gate = Tensor(
                f"c{len(self._operators)}", (), value.dtype, Quantization.per_tensor(0.01, 5), value
            )
        else:
            squeezed = source
            if kind == 0:
                shape = (1, 1, 1, source.shape[3])
                axes = constant([1, 2])
                squeezed = self._add("MEAN", [source, axes], shape, "ReducerOptions", keepDims=True)
                squeezed = self._conv_of(squeezed, source.shape[3], 1, self._activation())
            gate = self._add("LOGISTIC", [squeezed], squeezed.shape)
            gate.quantization = Quantization.per_tensor(1 / 256, -128)
        self._newest = self._add(
            "MUL", [source, gate], source.shape, "MulOptions",
            fusedActivationFunction=self._activation(),
        )  # fmt: skip

    def _smooth(self) -> None:
        source = self._conv_of(self._newest, self._int(1, 9), 1, self._activation())
        if self._int(0, 2):
            self._newest = self._add("HARD_SWISH", [source], source.shape, "HardSwishOptions")
        else:
            self._newest = self._add(
                "LEAKY_RELU", [source], source.shape, "LeakyReluOptions", alpha=0.2
            )

    def _difference(self) -> None:
        source = self._newest
        other = self._conv_of(source, source.shape[3], 1, self._activation())
        self._newest = self._add("SUB", [source, other], source.shape, "SubOptions")

    def _pool(self) -> None:
        source = self._newest
        _, height, width, depth = source.shape
        name = ("AVERAGE_POOL_2D", "MAX_POOL_2D")[self._int(0, 2)]
        self._newest = self._add(
            name, [source], (1, -(-height // 2), -(-width // 2), depth), "Pool2DOptions",
            like=source, strideH=2, strideW=2, filterHeight=3, filterWidth=3, padding=_SAME,
        )  # fmt: skip

    def _head(self, classes: int) -> None:
        source = self._newest
        _, height, width, depth = source.shape
        if self._int(0, 2):
            source = self._add(
                "MEAN", [source, constant([1, 2])], (1, depth), "ReducerOptions", keepDims=False
            )
        else:
            flat = (1, height * width * depth)
            source = self._add(
                "RESHAPE", [source, constant(flat)], flat, "ReshapeOptions", like=source,
                newShape=list(flat),
            )  # fmt: skip
        scale = np.array([0.01], np.float32)
        filters = self._random.integers(-127, 128, (classes, source.shape[1])).astype(np.int8)
        zero = np.zeros(1, np.int64)
        biases = self._random.integers(-2000, 2000, classes).astype(np.int32)
        weights = Tensor("head", filters.shape, filters.dtype, Quantization(scale, zero), filters)
        bias = Tensor(
            "head_bias", (classes,), biases.dtype,
            Quantization(scale * np.float32(source.scale), zero), biases,
        )  # fmt: skip
        logits = self._add(
            "FULLY_CONNECTED", [source, weights, bias], (1, classes), "FullyConnectedOptions"
        )
        self._newest = self._add("SOFTMAX", [logits], (1, classes), "SoftmaxOptions", beta=1.0)
        self._newest.quantization = Quantization.per_tensor(1 / 256, -128)


def random_scheme(seed: int, layers: list[Layer]) -> Scheme:
    """Some of the layers, at least one; their biases, slices of their filters, or both."""
    random = np.random.default_rng(seed)
    scheme: Scheme = {}
    while not scheme:
        for layer in layers:
            channels = int(random.choice((0, random.integers(1, layer.channels + 1))))
            if random.random() < 0.4:
                channels = layer.channels
            bias = layer.bias is not None and bool(random.random() < 0.7)
            if random.random() < 0.7 and (bias or channels):
                scheme[layer.index] = LayerUpdate(bias=bias, channels=channels, of=layer.channels)
    return scheme
