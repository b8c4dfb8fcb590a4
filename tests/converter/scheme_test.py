"""Update schemes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converter.errors import ConverterError
from converter.ir.layers import Layer
from converter.passes.training_graph import Source, build_training_graph, prepare
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme, parse_scheme
from tests.zoo.int8 import zoo_model


@pytest.fixture(scope="module")
def layers() -> list[Layer]:
    return prepare(Source(zoo_model("residual"), "residual")).layers


def _file(tmp_path: Path, content: object) -> str:
    path = tmp_path / "scheme.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_all_and_last(layers: list[Layer]) -> None:
    assert list(parse_scheme("all", layers)) == list(range(len(layers)))
    scheme = parse_scheme("last:2", layers)
    assert list(scheme) == [len(layers) - 2, len(layers) - 1]
    assert all(u.bias and u.channels == u.of for u in scheme.values())


def test_bias(layers: list[Layer]) -> None:
    scheme = parse_scheme("bias:3", layers)
    assert list(scheme) == list(range(len(layers) - 3, len(layers)))
    assert all(u.bias and u.channels == 0 for u in scheme.values())


def test_file_by_name_and_index(layers: list[Layer], tmp_path: Path) -> None:
    entries = [
        {"layer": layers[2].name, "bias": True, "channels": 3},
        {"layer": 4, "channels": "all"},
        {"layer": 0, "bias": False},
    ]
    scheme = parse_scheme(_file(tmp_path, {"layers": entries}), layers)
    of = [layer.channels for layer in layers]
    assert scheme == {
        2: LayerUpdate(bias=True, channels=3, of=of[2]),
        4: LayerUpdate(bias=False, channels=of[4], of=of[4]),
    }


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("everything", "use all, last:K"),
        ("last:0", "K must be between 1 and"),
        ("last:999", "K must be between 1 and"),
        ("last:x", "K must be between 1 and"),
        ("bias:", "K must be between 1 and"),
        ("missing.json", "No such file"),
    ],
)
def test_bad_words(layers: list[Layer], specification: str, message: str) -> None:
    with pytest.raises(ConverterError, match=message):
        parse_scheme(specification, layers)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ([], "expected"),
        ({"layers": []}, "expected"),
        ({"layers": [{"layer": "nowhere"}]}, "no layer 'nowhere'"),
        ({"layers": [{"layer": True}]}, "no layer True"),
        ({"layers": [{"layer": 99}]}, "no layer 99"),
        ({"layers": [{"layer": 1, "chanels": 1}]}, "unknown key 'chanels'"),
        ({"layers": [{"layer": 1, "channels": 10_000}]}, "channels must be 0 to"),
        ({"layers": [{"layer": 1, "channels": -1}]}, "channels must be 0 to"),
        ({"layers": [{"layer": 1, "bias": 1}]}, "bias must be true or false"),
        ({"layers": [{"layer": 1, "channels": 1, "of": 2}]}, "channels, not 2"),
        ({"layers": [{"layer": 1, "bias": True}, {"layer": 1}]}, "listed twice"),
        ({"layers": [{"layer": 1}]}, "every layer is frozen"),
        ("[" * 100_000, "not JSON"),
        ({"layers": [{"layer": "x" * 5000}]}, r"no layer 'x+\.\.\.; the model"),
        ({"layers": [{"layer": 1, "x" * 5000: 1}]}, r"unknown key 'x+\.\.\.$"),
        ({"layers": [{"layer": 1, "of": "x" * 5000}]}, r"channels, not 'x+\.\.\.$"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_files(layers: list[Layer], tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ConverterError, match=message) as refused:
        parse_scheme(_file(tmp_path, content), layers)
    assert len(str(refused.value)) < 1000


def _backward_names(scheme: Scheme) -> list[str]:
    source = Source(zoo_model("residual"), "residual")
    return [op.name for op in build_training_graph(source, scheme).backward]


def test_backward_graph_is_pruned(layers: list[Layer]) -> None:
    """Nothing is made that the scheme does not need."""
    head_only = _backward_names(parse_scheme("last:1", layers))
    assert head_only == ["SOFTMAX_CROSS_ENTROPY", "CONV_2D_FILTER_UPDATE", "BIAS_UPDATE"]
    biases = _backward_names(parse_scheme("bias:2", layers))
    assert not [name for name in biases if name.endswith("FILTER_UPDATE")]
    assert biases.count("BIAS_UPDATE") == 2
    only_first = _backward_names({0: layers[0].full_update()})
    assert only_first.count("CONV_2D_FILTER_UPDATE") == 1
    whole = _backward_names(parse_scheme("all", layers))
    first_conv = sum(name.endswith("INPUT_GRAD") for name in whole)
    assert first_conv == len(layers) - 1
