"""--data, --save_scheme and --sweep."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from converter.cli import main
from tests.zoo.int8 import zoo_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(zoo_model("residual"))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    path = tmp_path / "data.npz"
    x = random.integers(-128, 128, (24, 8, 8, 4)).astype(np.int8)
    np.savez(path, x_train=x, y_train=np.arange(24) % 4, x_test=x[:8], y_test=np.arange(8) % 4)
    return path


def _run(model: Path, *arguments: object) -> int:
    return main([str(model), *map(str, arguments)])


def test_saved_scheme_reproduces(model: Path, data: Path, tmp_path: Path) -> None:
    scheme = tmp_path / "scheme.json"
    arguments = ("--budget", 5300, "--data", data, "--save_scheme", scheme, "--quiet")
    assert _run(model, *arguments) == 0
    again = tmp_path / "again"
    assert _run(model, "--budget", 5300, "--update", scheme, "--output", again, "--quiet") == 0
    first = (tmp_path / "net_train.tflite").read_bytes()
    assert (again / "net_train.tflite").read_bytes() == first
    assert json.loads(scheme.read_text())["layers"]


def test_saved_scheme_never_overwrites(model: Path, tmp_path: Path) -> None:
    scheme = tmp_path / "scheme.json"
    scheme.write_text("mine")
    assert _run(model, "--budget", "64k", "--save_scheme", scheme, "--quiet") == 1
    assert scheme.read_text() == "mine"
    assert not (tmp_path / "net_train.tflite").exists()
    assert _run(model, "--budget", "64k", "--save_scheme", scheme, "--quiet", "--overwrite") == 0
    assert scheme.read_text() != "mine"


def test_choice_is_explained(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model, "--budget", 5300, "--verbose") == 0
    printed = capsys.readouterr().out
    assert "why" in printed and "% of" in printed
    why = json.loads((model.parent / "net_train.json").read_text())["why"]
    assert any(reason.startswith("in: ") for reason in why.values())
    assert _run(model, "--budget", "64k", "--update", "last:1", "--overwrite") == 0
    assert json.loads((model.parent / "net_train.json").read_text())["why"] == {}


def test_sweep(model: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = model.parent / "out"
    assert _run(model, "--budget", "1k,6k,16k", "--data", data, "--sweep", out) == 0
    printed = capsys.readouterr().out
    assert "nothing fits" in printed and "the smallest update" in printed
    assert {p.name for p in out.iterdir()} == {
        "sweep.csv", "sweep.png", "scheme_6k.json", "scheme_16k.json",
    }  # fmt: skip
    with open(out / "sweep.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["budget_bytes"] for row in rows] == ["1024", "6144", "16384"]
    assert rows[0]["arena_bytes"] == "" and "the budget is 1024" in rows[0]["reason"]
    for row in rows[1:]:
        assert 0 < int(row["arena_bytes"]) <= int(row["budget_bytes"])
        assert 0.0 <= float(row["accuracy"]) <= 1.0
        assert row["reason"] == "" and int(row["backward_macs"]) > 0
    assert int(rows[1]["backward_macs"]) < int(rows[2]["backward_macs"])
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    scheme = out / "scheme_6k.json"
    assert _run(model, "--budget", "6k", "--update", scheme, "--quiet") == 0
    assert _run(model, "--budget", "6k", "--sweep", out) == 1
    assert "exists already" in capsys.readouterr().err


def test_sweep_without_data(model: Path) -> None:
    out = model.parent / "out"
    assert _run(model, "--budget", "6k", "--sweep", out, "--quiet") == 0
    with open(out / "sweep.csv", encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["accuracy"] == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget", "6k,8k"), "several budgets need --sweep"),
        (("--budget", "6k", "--data", "none.npz"), "none.npz: No such file"),
        (("--budget", "6k", "--save_scheme", "scheme.txt"), "must be a .json file"),
        (("--budget", "6k", "--update", "last:1", "--data", "x.npz"), "--data: only"),
        (("--budget", "6k", "--sweep", "out", "--plot", "x.png"), "--plot: not with --sweep"),
    ],
)
def test_errors_are_one_line(
    arguments: tuple[str, ...], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(model, *arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [p.name for p in model.parent.iterdir()] == ["net.tflite"]
