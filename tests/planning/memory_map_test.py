"""The memory map in the report and as a picture."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

import converter
from converter.cli import main
from converter.conversion import TrainingModel
from converter.report.memory_map import Block, Kind, build_memory_map, bytes_in_use, memory_map
from converter.report.memory_plot import FORMATS, memory_map_image, short_name
from tests.zoo.int8 import zoo_model

_SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@functools.cache
def _converted(update: str = "all") -> TrainingModel:
    return converter.convert(zoo_model("residual"), update=update, name="residual")


def _block(offset: int, size: int, first: int, last: int) -> Block:
    return Block("block", Kind.ACTIVATION, offset, size, first, last)


def test_shared_bytes_count_once() -> None:
    blocks = [_block(0, 64, 0, 2), _block(32, 64, 2, 3), _block(160, 16, 2, 2)]
    assert [bytes_in_use(blocks, i) for i in range(5)] == [64, 64, 112, 64, 0]


def test_the_map_is_that_of_the_arena() -> None:
    converted = _converted()
    found = memory_map(converted)
    arena = converted.arena
    assert found["head_bytes"] + found["tail_bytes"] == arena.total
    assert sum(found["tail"].values()) == found["tail_bytes"] == arena.tail
    assert max(t["offset"] + t["bytes"] for t in found["tensors"]) == found["head_bytes"]
    assert found["unplanned_arena_bytes"] == converted.plan.unplanned.total
    assert len(found["tensors"]) == len(
        [t for t in arena.tensors if not t.in_tail] + list(arena.scratch)
    )
    operators = converted.training.model.graph.operators
    assert found["operators"] == [op.name for op in operators]
    assert found["operators"][found["first_backward_operator"]] == "SOFTMAX_CROSS_ENTROPY"
    assert json.loads(json.dumps(found)) == found


def test_the_peak_is_the_fullest_moment() -> None:
    found = build_memory_map(_converted())
    used = [bytes_in_use(found.blocks, i) for i in range(len(found.operators))]
    assert found.peak_bytes == max(used) == used[found.peak]
    listed = memory_map(_converted())["peak"]
    assert listed["operator"] == found.peak
    assert set(listed["tensors"]) == {b.name for b in found.blocks if b.is_alive(found.peak)}


def test_kinds() -> None:
    found = build_memory_map(_converted())
    by_kind = {kind: [b for b in found.blocks if b.kind is kind] for kind in Kind}
    assert {b.name for b in by_kind[Kind.INPUT_OUTPUT]} >= {"label", "learning_rate", "loss"}
    assert all(b.first < found.backward < b.last for b in by_kind[Kind.SAVED])
    assert all("gradient" in b.name for b in by_kind[Kind.GRADIENT])
    assert all(b.last <= found.backward for b in by_kind[Kind.ACTIVATION])
    assert by_kind[Kind.SAVED] and by_kind[Kind.GRADIENT] and by_kind[Kind.ACTIVATION]


@pytest.mark.parametrize("image_format", FORMATS)
def test_pictures(image_format: str) -> None:
    picture = memory_map_image(_converted(), image_format)
    assert picture.startswith(_SIGNATURES[image_format])
    assert picture == memory_map_image(_converted(), image_format)


def test_short_names() -> None:
    fused = "model/a/depthwise;model/block_3/conv/Conv2D1"
    assert short_name(fused, 40) == "model/block_3/conv"
    assert short_name(fused, 14) == "block_3/conv"
    assert short_name("model/conv/BiasAdd/ReadVariableOp/resource1/gradient_sum_1", 40) == (
        "model/conv sum"
    )
    assert short_name("an_endless_name", 9) == "\u2026ess_name"
    assert short_name("an_endless_name", 3) == ""


def test_plot_option(tmp_path: Path) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(zoo_model("residual"))
    arguments = [str(model), "--budget", "64k", "--quiet", "--plot"]
    assert main([*arguments, str(tmp_path / "map.svg")]) == 0
    assert (tmp_path / "map.svg").read_bytes().startswith(b"<?xml")
    report = json.loads((tmp_path / "net_train.json").read_text())
    assert report["memory"]["head_bytes"] > 0


def test_a_picture_of_another_kind_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(zoo_model("residual"))
    assert main([str(model), "--budget", "64k", "--plot", str(tmp_path / "map.gif")]) == 1
    assert "map.gif" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [model]
