"""Files that are flatbuffers but no models: refused in one line, by what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import pytest

from converter import convert
from converter.errors import ConverterError
from converter.ir.training_ops import Conv2DFilterUpdate
from converter.model.schema import schema
from tests.stock import DIGITS

Mutation = Callable[[Any, Any], None]


def _mutated(change: Mutation) -> bytes:
    """change: gets the model and its graph."""
    model = schema.ModelT.InitFromPackedBuf(DIGITS.read_bytes(), 0)
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _input(graph: Any, operator: int = 1, index: int = 0) -> Any:
    return graph.tensors[graph.operators[operator].inputs[index]]


def _output(graph: Any, operator: int = 1) -> Any:
    return graph.tensors[graph.operators[operator].outputs[0]]


def _set(target: Any, **attributes: Any) -> None:
    for name, value in attributes.items():
        setattr(target, name, value)


_DAMAGED: dict[str, tuple[Mutation, str]] = {
    "order": (lambda m, g: g.operators.reverse(), "before it is written"),
    "written twice": (
        lambda m, g: _set(g.operators[1], outputs=g.operators[0].outputs),
        "has a content already",
    ),
    "constant written": (
        lambda m, g: _set(g.operators[1], outputs=g.operators[1].inputs[1:2]),
        "has a content already",
    ),
    "output": (
        lambda m, g: _set(g, outputs=[len(g.tensors)], tensors=[*g.tensors, _output(g)]),
        "is never written",
    ),
    "constant input": (
        lambda m, g: _set(g, inputs=g.operators[1].inputs[1:2]),
        "constant or listed twice",
    ),
    "input twice": (lambda m, g: _set(g, inputs=[*g.inputs] * 2), "constant or listed twice"),
    "negative index": (lambda m, g: _set(g, outputs=[-2]), "there is no tensor -2"),
    "operator's negative index": (
        lambda m, g: _set(g.operators[1], inputs=[-2, *g.operators[1].inputs[1:]]),
        "there is no tensor -2",
    ),
    "index": (lambda m, g: _set(g, outputs=[10**6]), "damaged TFLite flatbuffer"),
    "operator code": (
        lambda m, g: _set(m.operatorCodes[0], builtinCode=9999),
        "operator code 9999 is unknown",
    ),
    "large": (lambda m, g: _set(_output(g), shape=[1, 65536, 65536, 2]), "more than 2147483647"),
    "scale not a number": (
        lambda m, g: _set(_output(g).quantization, scale=[float("nan")]),
        "scale that is no number",
    ),
    "zero point": (
        lambda m, g: _set(_output(g).quantization, zeroPoint=[128]),
        "zero point that its type cannot hold",
    ),
    "zero points": (
        lambda m, g: _set(_output(g).quantization, zeroPoint=[1, 2]),
        "1 scales and 2 zero points",
    ),
    "scales": (
        lambda m, g: _set(
            _input(g, index=1).quantization, scale=[0.1, 0.2, 0.3], zeroPoint=[0, 0, 0]
        ),
        "not those of its channels",
    ),
    "signature": (
        lambda m, g: _set(m.signatureDefs[0].inputs[0], tensorIndex=g.operators[1].inputs[1]),
        "signature names",
    ),
    "shape signature": (lambda m, g: _set(_output(g), shapeSignature=[-1, 1]), "shape signature"),
    "custom code": (
        lambda m, g: _set(m.operatorCodes[0], builtinCode=32, customCode="two\nlines"),
        "no name that can be printed",
    ),
    "no filter": (
        lambda m, g: _set(g.operators[1], inputs=g.operators[1].inputs[:1]),
        "lacks an input",
    ),
    "absent filter": (
        lambda m, g: _set(g.operators[1], inputs=[g.operators[1].inputs[0], -1]),
        "lacks an input",
    ),
    "no options": (
        lambda m, g: _set(g.operators[1], builtinOptions=None, builtinOptionsType=0),
        "has no DepthwiseConv2DOptions",
    ),
    "rank": (
        lambda m, g: _set(_output(g), shape=[16, 64], shapeSignature=None),
        "with 4 dimensions",
    ),
    "second graph": (lambda m, g: _set(m, subgraphs=[g, g]), "2 subgraphs"),
    "no graph": (lambda m, g: _set(m, subgraphs=None), "0 subgraphs"),
}


@pytest.mark.parametrize("name", _DAMAGED)
def test_what_no_interpreter_could_run_is_refused(name: str) -> None:
    change, message = _DAMAGED[name]
    with pytest.raises(ConverterError, match=f"^net.tflite: .*{message}") as raised:
        convert(_mutated(change), update="all", name="net.tflite")
    assert len(str(raised.value).splitlines()) == 1


def test_a_temperature_that_is_no_number() -> None:
    with pytest.raises(ConverterError, match="leaves the range"):
        convert(_mutated(lambda m, g: _set(g.operators[-1].builtinOptions, beta=float("nan"))))


def _make_uint8(tensor: Any) -> None:
    tensor.type = schema.TensorType.UINT8
    tensor.quantization.zeroPoint = [0]


_MISSHAPEN: dict[str, tuple[Mutation, str]] = {
    "stride": (
        lambda m, g: _set(g.operators[1].builtinOptions, strideH=0),
        "stride, dilation or window below 1",
    ),
    "dilation": (
        lambda m, g: _set(g.operators[1].builtinOptions, dilationWFactor=-1),
        "stride, dilation or window below 1",
    ),
    "padding": (lambda m, g: _set(g.operators[1].builtinOptions, padding=7), "unknown padding 7"),
    "height": (
        lambda m, g: _set(_output(g), shape=[1, 9, *_output(g).shape[2:]]),
        "does not follow from input",
    ),
    "channels": (
        lambda m, g: _set(_output(g), shape=[*_output(g).shape[:3], 3]),
        "does not follow from input",
    ),
    "axis of the scales": (
        lambda m, g: _set(
            _input(g, index=1).quantization,
            scale=[0.1, 0.2, 0.3],
            zeroPoint=[0, 0, 0],
            quantizedDimension=1,
        ),
        "scales along axis 1",
    ),
    "bias": (
        lambda m, g: _set(g.operators[1], inputs=[*g.operators[1].inputs[:2], _bias_of(g, 2)]),
        "is not a constant of",
    ),
    "unquantised bias": (
        lambda m, g: _set(_input(g, index=2), quantization=None),
        "bias .* has no quantisation",
    ),
    "type": (lambda m, g: _make_uint8(_output(g)), "is not int8"),
    "quantisation": (lambda m, g: _set(_output(g), quantization=None), "has no quantisation"),
}


def _bias_of(graph: Any, operator: int) -> int:
    return int(graph.operators[operator].inputs[2])


@pytest.mark.parametrize("name", _MISSHAPEN)
def test_no_gradient_passes_shapes_that_do_not_fit(name: str) -> None:
    change, message = _MISSHAPEN[name]
    with pytest.raises(ConverterError, match=f"cannot be trained through.*{message}"):
        convert(_mutated(change), update="all")


def test_names_are_shown_in_one_printable_line() -> None:
    def rename(model: Any, graph: Any) -> None:
        _set(_output(graph), name="a\nb\x1b[31m" + "c" * 5000)
        _make_uint8(_output(graph))

    with pytest.raises(ConverterError) as raised:
        convert(_mutated(rename), update="all")
    message = str(raised.value)
    assert "a?b?[31mccc" in message and message.isprintable() and len(message) < 1000


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_scales_whose_inverse_no_float32_holds() -> None:
    def shrink(model: Any, graph: Any) -> None:
        for index, scale in ((0, 1e-25), (1, 1e-20)):
            quantization = _input(graph, operator=8, index=index).quantization
            quantization.scale = [scale] * len(quantization.scale)

    assert convert(_mutated(shrink), update="last:1").flatbuffer


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("finer", [{"weight_bits": 16}, {"accumulate": 2}])
def test_update_scales_saturate(finer: dict[str, int]) -> None:
    """s_x / s_w is a float32; times 256, for the fraction of a weight, it is none."""

    def shrink(model: Any, graph: Any) -> None:
        _set(_classifier(graph, 0).quantization, scale=[0.5])
        quantization = _classifier(graph, 1).quantization
        quantization.scale = [2e-38] * len(quantization.scale)

    graph = convert(_mutated(shrink), update="last:1", **finer).training  # type: ignore[arg-type]
    (update,) = [op for op in graph.backward if op.name == Conv2DFilterUpdate.CUSTOM_CODE]
    scale = update.inputs[5]
    assert scale is not None and scale.data is not None
    assert (scale.data == np.finfo(np.float32).max).all()


def test_long_shapes_are_cut_in_messages() -> None:
    with pytest.raises(ConverterError, match=r"\[1, 1, 1, 1, 1, 1, 1, 1, \.\.\.\]") as refused:
        convert(_mutated(lambda m, g: _set(_output(g), shape=[1] * 2000)), update="all")
    assert len(str(refused.value)) < 500


def test_a_bias_of_more_dimensions_is_a_bias() -> None:
    def change(model: Any, graph: Any) -> None:
        bias = _classifier(graph, 2)
        _set(bias, shape=[1, 10])
        _set(bias.quantization, quantizedDimension=1)

    plain = convert(_mutated(lambda m, g: None), update="last:1")
    assert convert(_mutated(change), update="last:1").arena.total == plain.arena.total


def _classifier(graph: Any, index: int) -> Any:
    """An input of the last operator with a filter and a bias."""
    layers = [i for i in range(len(graph.operators)) if len(graph.operators[i].inputs) == 3]
    return _input(graph, layers[-1], index)


@pytest.mark.parametrize("resize", [{"num_classes": 5}, {"spare_classes": 2}])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m, g: _set(_classifier(g, 0), quantization=None), "has no quantisation"),
        (lambda m, g: _set(_classifier(g, 2), shape=[2, 5], quantization=None), "classifier_1"),
    ],
)
def test_no_classifier_is_resized_that_cannot_train(
    resize: dict[str, int], change: Mutation, reason: str
) -> None:
    with pytest.raises(ConverterError, match=f"^--{next(iter(resize))}: FULLY_CONNECTED.*{reason}"):
        convert(_mutated(change), update="last:1", **resize)  # type: ignore[arg-type]
