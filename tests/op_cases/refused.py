"""For each constraint of an operator in SUPPORTED_OPS.md a model that breaks it, and no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from converter.model import Tensor
from converter.model.schema import schema
from tests.op_cases.net import Net

_FLOAT = np.dtype(np.float32)
_TANH = schema.ActivationFunctionType.TANH


@dataclasses.dataclass(frozen=True)
class Refused:
    """operator: whose section of the page has the constraint; says: its text."""

    operator: str
    says: str
    model: Callable[[], bytes]


def _behind_a_layer(shape: tuple[int, ...], change: Callable[[Net, Tensor], Tensor]) -> bytes:
    """A trained layer, what `change` appends to it, and a classifier."""
    net = Net(shape)
    x = net.conv(net.input, shape[3])
    return net.classifier(change(net, x))


def _layer(operator: str, net: Net, x: Tensor, *arguments: Any, **more: Any) -> Tensor:
    """One of that kind, appended to the net."""
    if operator == "TRANSPOSE_CONV":
        return net.transpose_conv(x, *arguments, **more)
    return net.conv(x, *arguments, **more, depthwise=operator == "DEPTHWISE_CONV_2D")


def _changed_layer(operator: str, change: Callable[[Net], None]) -> bytes:
    """A layer in front of another that `change` spoils: the last operator of the net."""
    net = Net((1, 4, 4, 2))
    x = _layer(operator, net, net.conv(net.input, 2), 2)
    change(net)
    return net.classifier(x)


def _set_options(**fields: object) -> Callable[[Net], None]:
    def change(net: Net) -> None:
        for name, value in fields.items():
            setattr(net.operators[-1].options, name, value)

    return change


def _variable_filter(net: Net) -> None:
    filter_ = net.operators[-1].inputs[1]
    assert filter_ is not None
    filter_.data = None
    net.inputs.append(filter_)


def _filter_zero_point(net: Net) -> None:
    filter_ = net.operators[-1].inputs[1]
    assert filter_ is not None and filter_.quantization is not None
    filter_.quantization.zero_point = filter_.quantization.zero_point + 1


def _float_bias(net: Net) -> None:
    bias = net.operators[-1].inputs[-1]
    assert bias is not None and bias.data is not None
    bias.data, bias.dtype = bias.data.astype(_FLOAT), _FLOAT


def _batch_of_last(net: Net) -> None:
    """Two samples, made of one by a RESHAPE."""
    operator = net.operators.pop()
    place = 2 if operator.name == "TRANSPOSE_CONV" else 0
    source = operator.inputs[place]
    assert source is not None
    operator.inputs[place] = net.reshape(source, (2, source.shape[1] // 2, *source.shape[2:]))
    operator.output.shape = (2, operator.output.shape[1] // 2, *operator.output.shape[2:])
    net.operators.append(operator)


def _tiny_output(net: Net) -> None:
    net.operators[-1].output.quantization.scale[:] = 1e-20  # type: ignore[union-attr]


def _wide(operator: str, weight: int) -> bytes:
    """66,312 products in one output."""
    net = Net((1, 3, 22104, 1))
    x = net.input
    if operator == "TRANSPOSE_CONV":
        x = net.transpose_conv(net.reshape(x, (1, 1, 1, 66312)), 1)
    else:
        x = _layer(operator, net, x, 1, (3, 22104), padding="VALID")
    filter_ = net.operators[-1].inputs[1]
    assert filter_ is not None and filter_.data is not None
    filter_.data[:] = weight
    return net.classifier(x)


def _many_taps(operator: str) -> bytes:
    net = Net((1, 2, 2, 1))
    return net.classifier(_layer(operator, net, net.input, 1, (2897, 2897)))


def _large_map(operator: str) -> bytes:
    net = Net((1, 2053, 2053, 1))
    return net.classifier(net.mean(_layer(operator, net, net.input, 1)))


def _long_stride(operator: str) -> bytes:
    net = Net((1, 2, 2, 1))
    x = _layer(operator, net, net.conv(net.input, 1), 1, (1, 1), (1, 32768))
    return net.classifier(net.mean(x))


def _binary_with(name: str, change: Callable[[Net], None]) -> bytes:
    def append(net: Net, x: Tensor) -> Tensor:
        result = net.binary(name, x, net.conv(net.input, x.shape[3]))
        change(net)
        return result

    return _behind_a_layer((1, 4, 4, 3), append)


def _alternating(name: str) -> bytes:
    def append(net: Net, x: Tensor) -> Tensor:
        left = net.reshape(x, (2, 1, 2, 1, 2))
        right = net.reshape(net.conv(net.input, 2, (1, 1), (1, 2)), (1, 2, 1, 2, 1))
        return net.binary(name, left, right)

    return _behind_a_layer((1, 1, 4, 2), append)


def _broadcast_over(name: str, shape: tuple[int, ...]) -> bytes:
    """One trained value that every element of a map takes part with."""
    net = Net((1, 1, 1, 1))
    large = net.new_input(shape)
    return net.classifier(net.mean(net.binary(name, net.conv(net.input, 1), large)))


def _mean_over_an_input() -> bytes:
    def append(net: Net, x: Tensor) -> Tensor:
        axes = net.new_input((2,), np.dtype(np.int32))
        return net.add("MEAN", [x, axes], net.tensor((1, x.shape[3])), "ReducerOptions")

    return _behind_a_layer((1, 4, 4, 3), append)


def _pad_by_an_input() -> bytes:
    def append(net: Net, x: Tensor) -> Tensor:
        paddings = net.new_input((4, 2), np.dtype(np.int32))
        return net.add("PAD", [x, paddings], net.tensor((1, 6, 6, 3)), "PadOptions")

    return _behind_a_layer((1, 4, 4, 3), append)


def _pool_with(change: Callable[[Net], None], name: str = "AVERAGE_POOL_2D") -> bytes:
    def append(net: Net, x: Tensor) -> Tensor:
        result = net.pool(name, x, (2, 2), (2, 2))
        change(net)
        return result

    return _behind_a_layer((1, 4, 4, 3), append)


_ACTIVATION = "fused activation ... has no gradient rule; use NONE, RELU or RELU6"
_BATCH = "input ... has batch ...; export the model with batch 1"
_POSITIONS = "its gradient has too many positions for an int32 sum; freeze it"
_EXTENT = (
    "an extent, stride or dilation of ... at ... is more than the 32767 that the training "
    "operators index"
)


def _of_layers(operator: str) -> list[Refused]:
    spoiled = (
        ("filter ... is not constant; only constant filters have a gradient", _variable_filter),
        (
            "filter ... has a zero point other than 0; quantise weights symmetrically",
            _filter_zero_point,
        ),
        ("bias ... is not int32; quantise the model to full int8", _float_bias),
        (_ACTIVATION, _set_options(fusedActivationFunction=_TANH)),
        (_BATCH, _batch_of_last),
        ("the scale of output ... is too small for its int32 accumulator", _tiny_output),
    )
    whole = (
        (_EXTENT, _long_stride),
        ("filter ... overflows the int32 accumulator", lambda op: _wide(op, 127)),
        ("filter ... is too large for an int32 input gradient", _many_taps),
        (
            "it sums too many products: with trained weights its int32 accumulator could "
            "overflow; freeze it",
            lambda op: _wide(op, 1),
        ),
        (_POSITIONS, _large_map),
    )
    return [
        *(Refused(operator, says, lambda c=c: _changed_layer(operator, c)) for says, c in spoiled),
        *(Refused(operator, says, lambda m=m: m(operator)) for says, m in whole),
    ]


def _shuffled() -> bytes:
    net = Net((1, 4))
    x = net.dense(net.dense(net.input, 4), 4)
    net.operators[-1].options.weightsFormat = 1
    return net.classifier(x)


def _grouped() -> bytes:
    net = Net((1, 4, 4, 4))
    x = net.conv(net.conv(net.input, 4), 4)
    filter_ = net.operators[-1].inputs[1]
    assert filter_ is not None and filter_.data is not None
    filter_.data, filter_.shape = filter_.data[..., :2].copy(), (4, 1, 1, 2)
    return net.classifier(x)


def _uneven_depthwise() -> bytes:
    net = Net((1, 4, 4, 2))
    x = net.conv(net.conv(net.input, 2), 3, depthwise=True)
    return net.classifier(x)


def _of_binary(name: str, large: tuple[int, ...]) -> list[Refused]:
    return [
        Refused(
            name,
            _ACTIVATION,
            lambda: _binary_with(name, _set_options(fusedActivationFunction=_TANH)),
        ),
        Refused(
            name,
            "inputs of ... are broadcast over too many axes; do it in two steps",
            lambda: _alternating(name),
        ),
        Refused(name, _POSITIONS, lambda: _broadcast_over(name, large)),
    ]


REFUSED: tuple[Refused, ...] = (
    Refused("FULLY_CONNECTED", "shuffled weights have no gradient rule; export with weights_format "
            "DEFAULT", _shuffled),
    Refused("CONV_2D", "grouped convolution (filter ...) has no gradient rule", _grouped),
    *_of_layers("CONV_2D"),
    Refused("DEPTHWISE_CONV_2D", "filter ... is no multiple of the input's channels",
            _uneven_depthwise),
    *_of_layers("DEPTHWISE_CONV_2D"),
    *_of_layers("TRANSPOSE_CONV"),
    *_of_binary("ADD", (1, 32768, 32769, 1)),
    *_of_binary("MUL", (1, 2053, 2053, 1)),
    Refused("AVERAGE_POOL_2D", _BATCH, lambda: _pool_with(_batch_of_last)),
    Refused("AVERAGE_POOL_2D", _ACTIVATION,
            lambda: _pool_with(_set_options(fusedActivationFunction=_TANH))),
    Refused("AVERAGE_POOL_2D", "... windows hold the same input; 32768 may; use a larger stride",
            lambda: _behind_a_layer((1, 200, 200, 1), lambda net, x: net.mean(
                net.pool("AVERAGE_POOL_2D", x, (182, 182), (1, 1), "SAME")))),
    Refused("MAX_POOL_2D", _EXTENT, lambda: _behind_a_layer((1, 2, 2, 1), lambda net, x: net.pool(
        "MAX_POOL_2D", x, (1, 1), (1, 32768), "SAME"))),
    Refused("MEAN", "axes ... are not constant", _mean_over_an_input),
    Refused("MEAN", "axes of input ... alternate too often; reduce in two steps",
            lambda: _behind_a_layer((1, 4, 6, 3), lambda net, x: net.mean(
                net.reshape(x, (1, 2, 3, 2, 3, 2)), (1, 3, 5)))),
    Refused("PAD", "paddings ... are not constant", _pad_by_an_input),
    Refused("PAD", "output ... has too many axes; at most four may be padded",
            lambda: _behind_a_layer((1, 4, 2, 2), lambda net, x: net.pad(
                net.reshape(x, (1, 2, 2, 2, 2)), [[1, 0]] * 5))),
)  # fmt: skip
