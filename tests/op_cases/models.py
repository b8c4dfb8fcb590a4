"""One table of small models: every operator that gradients pass through, with the shapes,
strides, paddings and quantisations that go wrong first.

Each has a trained layer before the operator and one behind it, so that its gradient is computed and
used. The very cases drive the parity of TFLM, twins and emulated cores (tests/parity,
tests/cortex_m, tests/sanitizer) and the gradient check (tests/gradcheck).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from converter.model import Tensor
from tests.op_cases.net import Net, Shape

# Ends of int8, and a point inside.
_ZERO_POINTS = (-128, 127, 5)


@dataclasses.dataclass(frozen=True)
class OpModel:
    """operator: TFLite's name of what it is about; loss: as of `converter.convert`."""

    name: str
    operator: str
    build: Callable[[], bytes]
    loss: str | None = None


_CONVOLUTIONS: tuple[tuple[str, Shape, int, dict[str, Any]], ...] = (
    ("1x1 map", (1, 1, 1, 5), 3, {}),
    ("window wider than a 1x1 map", (1, 1, 1, 4), 8, {"kernel": (3, 3)}),
    ("odd channels", (1, 5, 5, 3), 5, {"kernel": (3, 3)}),
    ("stride 2, SAME", (1, 6, 7, 2), 4, {"kernel": (3, 3), "stride": (2, 2)}),
    ("strides 3 and 1, VALID", (1, 7, 6, 5), 5,
     {"kernel": (3, 2), "stride": (3, 1), "padding": "VALID"}),
    ("stride beyond the window", (1, 7, 7, 4), 4, {"kernel": (2, 2), "stride": (3, 4)}),
    ("dilation 2, SAME", (1, 8, 8, 3), 3, {"kernel": (3, 3), "dilation": (2, 2)}),
    ("dilations 3 and 1, VALID", (1, 9, 7, 1), 6,
     {"kernel": (2, 3), "dilation": (3, 1), "padding": "VALID"}),
    ("window wider than the map", (1, 2, 2, 3), 6, {"kernel": (5, 5), "activation": "RELU6"}),
    ("one column", (1, 12, 1, 9), 9, {"kernel": (5, 1), "stride": (2, 1)}),
)  # fmt: skip
_TRANSPOSED: tuple[tuple[str, Shape, int, dict[str, Any]], ...] = (
    ("1x1 map", (1, 1, 1, 5), 3, {}),
    ("1x1 map to 3x3", (1, 1, 1, 4), 8, {"kernel": (3, 3), "padding": "VALID"}),
    ("stride 1, SAME", (1, 4, 5, 4), 6, {"kernel": (3, 2)}),
    ("stride 2, SAME", (1, 3, 4, 3), 5, {"kernel": (3, 3), "stride": (2, 2)}),
    ("stride 2, SAME, to an odd size", (1, 3, 3, 2), 3,
     {"kernel": (3, 3), "stride": (2, 2), "size": (5, 5), "has_bias": False}),
    ("strides 3 and 1, VALID", (1, 3, 4, 5), 2,
     {"kernel": (3, 2), "stride": (3, 1), "padding": "VALID"}),
    ("window wider than the stride, VALID", (1, 3, 2, 7), 4,
     {"kernel": (5, 4), "stride": (2, 3), "padding": "VALID", "activation": "RELU6"}),
    ("stride beyond the window", (1, 2, 3, 4), 4,
     {"kernel": (2, 1), "stride": (3, 4), "scales": np.array([0.01])}),
    ("one column", (1, 6, 1, 9), 9, {"kernel": (5, 1), "stride": (2, 1), "activation": "RELU"}),
)  # fmt: skip
_POOLS: tuple[tuple[str, Shape, tuple[int, int], tuple[int, int], str], ...] = (
    ("1x1 map", (1, 1, 1, 3), (1, 1), (1, 1), "VALID"),
    ("whole map", (1, 5, 4, 5), (5, 4), (1, 1), "VALID"),
    ("overlapping, SAME", (1, 6, 5, 2), (3, 3), (1, 1), "SAME"),
    ("uneven windows, SAME", (1, 7, 7, 4), (3, 2), (2, 3), "SAME"),
    ("stride beyond the window", (1, 8, 7, 3), (2, 2), (3, 3), "VALID"),
)
_OPERANDS: tuple[tuple[str, Shape, Shape], ...] = (
    ("alike", (1, 4, 3, 5), (1, 4, 3, 5)),
    ("1x1 maps", (1, 1, 1, 3), (1, 1, 1, 3)),
    ("gate", (1, 4, 3, 5), (1, 1, 1, 5)),
    ("gated", (1, 1, 1, 5), (1, 4, 3, 5)),
    ("one channel", (1, 4, 3, 5), (1, 4, 3, 1)),
)


def _with_input(shape: Shape, zero_point: int, append: Callable[[Net, Tensor], Tensor]) -> bytes:
    """A trained layer, what `append` makes of its output, and the classifier."""
    net = Net(shape, zero_point=zero_point)
    return net.classifier(append(net, net.conv(net.input, shape[3])))


def _layers() -> Iterator[OpModel]:
    for label, shape, outputs, arguments in _CONVOLUTIONS:
        for depthwise in (False, True):
            # A multiple of the channels.
            channels = -(-outputs // shape[3]) * shape[3] if depthwise else outputs
            for z in _ZERO_POINTS:
                yield OpModel(
                    f"{label}, zero point {z}",
                    "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
                    lambda s=shape, c=channels, d=depthwise, z=z, a=arguments: _with_input(
                        s, z, lambda net, x: net.conv(x, c, depthwise=d, **a)
                    ),
                )
    for label, shape, outputs, arguments in _TRANSPOSED:
        for z in _ZERO_POINTS:
            yield OpModel(
                f"{label}, zero point {z}",
                "TRANSPOSE_CONV",
                lambda s=shape, o=outputs, z=z, a=arguments: _with_input(
                    s, z, lambda net, x: net.transpose_conv(x, o, **a)
                ),
            )
    for shape, outputs in (((1, 1), 2), ((1, 7), 5), ((1, 16), 12), ((1, 3, 6), 5)):
        for z in _ZERO_POINTS:
            yield OpModel(
                f"{shape} to {outputs}, zero point {z}",
                "FULLY_CONNECTED",
                lambda s=shape, o=outputs, z=z: _dense(s, o, z),
            )


def _dense(shape: Shape, outputs: int, zero_point: int) -> bytes:
    net = Net(shape, zero_point=zero_point)
    return net.classifier(net.dense(net.dense(net.input, shape[-1]), outputs))


def _scales(ratio: float) -> Iterator[OpModel]:
    """Quantisations that lie `ratio` apart."""
    scales = np.geomspace(0.01, 0.01 * ratio, 4) if ratio < 1 else np.full(4, 0.01 * ratio)

    def of_filter(depthwise: bool) -> bytes:
        return _with_input(
            (1, 4, 4, 4),
            -3,
            lambda net, x: net.conv(x, 4, (3, 3), scales=scales, depthwise=depthwise),
        )

    def of_input() -> bytes:
        net = Net((1, 4, 4, 3), scale=0.05 * ratio)
        x = net.conv(net.input, 3, (3, 3), scales=np.full(3, 0.01 / ratio))
        return net.classifier(net.conv(x, 5))

    def of_operands(name: str) -> bytes:
        net = Net((1, 3, 3, 3))
        a, b = net.conv(net.input, 3, scale=0.05), net.conv(net.input, 3, scale=0.05 * ratio)
        largest = 0.05 * max(1.0, ratio)
        scale = 0.05 * ratio * 3 if name == "MUL" else largest
        return net.classifier(net.binary(name, a, b, scale=scale))

    def of_transposed_filter() -> bytes:
        return _with_input(
            (1, 3, 2, 4),
            -3,
            lambda net, x: net.transpose_conv(x, 4, (3, 3), (2, 2), scales=scales),
        )

    yield OpModel(f"filter scales of {ratio:g}", "TRANSPOSE_CONV", of_transposed_filter)
    for depthwise in (False, True):
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        yield OpModel(f"filter scales of {ratio:g}", name, lambda d=depthwise: of_filter(d))
    yield OpModel(f"input scale of {ratio:g}", "CONV_2D", of_input)
    for name in ("ADD", "SUB", "MUL"):
        yield OpModel(f"scales {ratio:g} apart", name, lambda name=name: of_operands(name))


def _pools() -> Iterator[OpModel]:
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for label, shape, kernel, stride, padding in _POOLS:
            for z in _ZERO_POINTS[:2]:
                yield OpModel(
                    f"{label}, zero point {z}",
                    name,
                    lambda n=name, s=shape, k=kernel, t=stride, p=padding, z=z: _with_input(
                        s, z, lambda net, x: net.pool(n, x, k, t, p)
                    ),
                )


def _binary() -> Iterator[OpModel]:
    def build(name: str, left: Shape, right: Shape, zero_point: int) -> bytes:
        net = Net(max(left, right), zero_point=zero_point)

        def operand(shape: Shape) -> Tensor:
            x = net.conv(net.input, shape[3])
            return x if x.shape == shape else net.mean(x, (1, 2), keep=True)

        return net.classifier(net.binary(name, operand(left), operand(right)))

    def clamped(net: Net, x: Tensor) -> Tensor:
        """What is added went through a clamp, and is read twice."""
        a = net.conv(x, 3, activation="RELU6", zero_point=-128)
        b = net.conv(a, 3, activation="RELU", zero_point=-128)
        return net.binary("ADD", a, b)

    yield OpModel("of clamped operands", "ADD", lambda: _with_input((1, 3, 4, 3), -3, clamped))
    for name in ("ADD", "SUB", "MUL"):
        for label, left, right in _OPERANDS:
            for z in _ZERO_POINTS[:2]:
                yield OpModel(
                    f"{label}, zero point {z}",
                    name,
                    lambda n=name, le=left, r=right, z=z: build(n, le, r, z),
                )


def _one_input() -> Iterator[OpModel]:
    def unary(name: str, shape: Shape, z: int, kind: str | None, **fields: float) -> OpModel:
        return OpModel(
            f"{shape}, zero point {z}",
            name,
            lambda: _with_input(shape, z, lambda net, x: net.unary(name, x, kind, **fields)),
        )

    for z in _ZERO_POINTS:
        for shape in ((1, 1, 1, 3), (1, 3, 4, 5)):
            yield unary("HARD_SWISH", shape, z, "HardSwishOptions")
            yield unary("LEAKY_RELU", shape, z, "LeakyReluOptions", alpha=0.3)
            yield unary("RELU", shape, z, None)
            yield unary("QUANTIZE", shape, z, "QuantizeOptions")
        yield OpModel(f"zero point {z}", "RELU6", lambda z=z: _with_input((1, 3, 4, 5), z, _relu6))
    for shape in ((1, 1, 1, 3), (1, 3, 4, 5)):
        yield OpModel(f"{shape}", "LOGISTIC", lambda s=shape: _with_input(s, -3, _logistic))


def _relu6(net: Net, x: Tensor) -> Tensor:
    """It clamps without rescaling: input and output have one quantisation."""
    return net.add("RELU6", [x], net.tensor(x.shape, x.scale, x.zero_point), None)


def _logistic(net: Net, x: Tensor) -> Tensor:
    y = net.add("LOGISTIC", [x], net.tensor(x.shape, 1 / 256, -128), None)
    return net.binary("MUL", x, y)


def _shapes() -> Iterator[OpModel]:
    changes: tuple[tuple[str, str, Callable[[Net, Tensor], Tensor]], ...] = (
        ("MEAN", "height and width", lambda net, x: net.mean(x)),
        ("MEAN", "kept", lambda net, x: net.mean(x, (1, 2), keep=True)),
        ("MEAN", "channels", lambda net, x: net.mean(x, (3,))),
        ("MEAN", "width", lambda net, x: net.mean(x, (2,))),
        ("PAD", "before and behind", lambda net, x: net.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])),
        ("PAD", "channels", lambda net, x: net.pad(x, [[0, 0], [0, 0], [0, 0], [2, 1]])),
        ("CONCATENATION", "with itself", lambda net, x: net.concatenation([x, x], 3)),
        ("CONCATENATION", "rows", lambda net, x: net.concatenation(
            [x, net.conv(net.input, 3, scale=x.scale)], 1)),
        ("RESHAPE", "rows of pixels", lambda net, x: net.conv(net.reshape(x, (1, 2, 10, 3)), 2)),
        ("SQUEEZE", "batch", lambda net, x: net.add(
            "SQUEEZE", [net.mean(x, (1, 2), keep=True)], net.tensor((1, 3)), "SqueezeOptions",
            squeezeDims=[1, 2])),
        ("EXPAND_DIMS", "batch", lambda net, x: net.add(
            "EXPAND_DIMS", [x, net.constant([0])], net.tensor((1, *x.shape)),
            "ExpandDimsOptions")),
    )  # fmt: skip
    for name, label, change in changes:
        for z in _ZERO_POINTS[:2]:
            yield OpModel(
                f"{label}, zero point {z}",
                name,
                lambda c=change, z=z: _with_input((1, 4, 5, 3), z, c),
            )


def _heads() -> Iterator[OpModel]:
    def softmax(beta: float, scale: float) -> bytes:
        net = Net((1, 2, 2, 3))
        logits = net.dense(net.reshape(net.conv(net.input, 3), (1, 12)), 5, scale=scale)
        output = net.tensor((1, 5), 1 / 256, -128)
        return net.finish(net.add("SOFTMAX", [logits], output, "SoftmaxOptions", beta=beta))

    def sigmoid(zero_point: int) -> bytes:
        net = Net((1, 2, 2, 3))
        flat = net.reshape(net.conv(net.input, 3), (1, 12))
        logit = net.dense(flat, 1, scale=0.05, zero_point=zero_point)
        return net.finish(net.add("LOGISTIC", [logit], net.tensor((1, 1), 1 / 256, -128), None))

    def map_output(zero_point: int) -> bytes:
        net = Net((1, 3, 3, 2), zero_point=zero_point)
        return net.finish(net.conv(net.conv(net.input, 3), 2, (3, 3)))

    for beta, scale in ((1.0, 0.1), (0.5, 0.3), (2.0, 1e-6)):
        yield OpModel(
            f"beta {beta:g}, scale {scale:g}", "SOFTMAX", lambda b=beta, s=scale: softmax(b, s)
        )
    for z in _ZERO_POINTS:
        yield OpModel(f"zero point {z}", "LOGISTIC head", lambda z=z: sigmoid(z))
        yield OpModel(f"zero point {z}", "mse", lambda z=z: map_output(z), "mse")


OP_MODELS: tuple[OpModel, ...] = (
    *_layers(),
    *_scales(1e-6),
    *_scales(1e6),
    *_pools(),
    *_binary(),
    *_one_input(),
    *_shapes(),
    *_heads(),
)
