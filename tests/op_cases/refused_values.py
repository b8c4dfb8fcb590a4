"""Models whose values no gradient can pass: of another type, without a scale, with a bad one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from converter.model import Quantization, Tensor
from tests.op_cases.net import Net

Spoil = Callable[[Tensor], None]


@dataclasses.dataclass(frozen=True)
class _Appended:
    """append: puts the operator behind a tensor [1, 4, 4, 3]; values: of its output and its inputs,
    in that order, so many hold quantised values."""

    append: Callable[[Net, Tensor], Tensor]
    values: int = 1


def _constant(net: Net) -> Tensor:
    tensor = net.tensor((1, 1, 1, 3))
    tensor.name, tensor.data = "factors", np.array([[[[9, 8, 7]]]], np.int8)
    return tensor


# The input that another layer makes is left out: it would be that layer's output that is refused.
OPERATORS: dict[str, _Appended] = {
    "CONV_2D": _Appended(lambda net, x: net.conv(x, 3), 2),
    "DEPTHWISE_CONV_2D": _Appended(lambda net, x: net.conv(x, 3, depthwise=True), 2),
    "FULLY_CONNECTED": _Appended(lambda net, x: net.dense(x, 3), 2),
    "TRANSPOSE_CONV": _Appended(lambda net, x: net.transpose_conv(x, 3), 2),
    "ADD": _Appended(lambda net, x: net.binary("ADD", x, _constant(net)), 2),
    "MUL": _Appended(lambda net, x: net.binary("MUL", x, _constant(net)), 2),
    "MAX_POOL_2D": _Appended(lambda net, x: net.pool("MAX_POOL_2D", x, (2, 2), (2, 2))),
    "MEAN": _Appended(lambda net, x: net.mean(x)),
    "PAD": _Appended(lambda net, x: net.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])),
    "RELU": _Appended(lambda net, x: net.unary("RELU", x)),
    "HARD_SWISH": _Appended(lambda net, x: net.unary("HARD_SWISH", x, "HardSwishOptions")),
    "RESHAPE": _Appended(lambda net, x: net.reshape(x, (1, 48))),
}


def changed_model(operator: str, place: int, spoil: Spoil) -> bytes:
    """A trained layer, the operator with a value spoilt (0: its output, 1: its second input), and
    a classifier."""
    net = Net((1, 4, 4, 3))
    output = OPERATORS[operator].append(net, net.conv(net.input, 3))
    appended = net.operators[-1]
    assert appended.name == operator
    net.classifier(output)  # for what the output was
    spoilt = output if place == 0 else appended.inputs[place]
    assert spoilt is not None
    spoil(spoilt)
    return net.finish(net.operators[-1].output)


def _to_int16(tensor: Tensor) -> None:
    tensor.dtype = np.dtype(np.int16)
    if tensor.data is not None:
        tensor.data = tensor.data.astype(np.int16)


def _without_quantization(tensor: Tensor) -> None:
    tensor.quantization = None


def _with_scale(scale: float) -> Spoil:
    def change(tensor: Tensor) -> None:
        tensor.quantization = Quantization.per_tensor(scale, 0)

    return change


_SCALE = "tensor ... has a scale that is not a positive normal number"
CHANGES: dict[str, tuple[str, Spoil]] = {
    "int16": ("tensor ... is not int8; quantise the model to full int8", _to_int16),
    "unquantised": (
        "tensor ... has no quantisation; quantise the model to full int8",
        _without_quantization,
    ),
    **{str(scale): (_SCALE, _with_scale(scale)) for scale in (0.0, 1e-40, -0.1)},
}
