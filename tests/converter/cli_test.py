"""The converter's command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from converter.cli import main, parse_bytes
from converter.model import read_model
from tests.zoo.int8 import zoo_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(zoo_model("residual"))
    return path


def _run(model: Path, *arguments: str) -> int:
    return main([str(model), "--budget", "64k", *arguments])


def test_writes_flatbuffer_and_report(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model) == 0
    report = json.loads((model.parent / "net_train.json").read_text())
    flatbuffer = (model.parent / "net_train.tflite").read_bytes()
    assert report["model"] == "net.tflite"
    assert report["budget_bytes"] == 65536
    assert 0 < report["arena_bytes"] <= 65536
    assert report["arena_bytes_host"] > report["arena_bytes"]
    assert report["flash_bytes"] == len(flatbuffer)
    assert report["macs"]["forward"] > 0 and report["macs"]["backward"] > 0
    assert report["arena_is_exact"] is True
    assert report["loss"] == "softmax_cross_entropy"
    assert report["num_classes"] == 4
    assert {"layer", "op", "bias", "channels", "of"} == set(report["update"][0])
    assert "SOFTMAX" in report["builtin_ops"]
    assert {"INITIALIZE_VARIABLES", "SOFTMAX_CROSS_ENTROPY"} <= set(report["custom_ops"])
    printed = capsys.readouterr().out
    assert "Training plan of net.tflite" in printed
    assert "CONV_2D" in printed and "65,536 bytes" in printed
    assert read_model(flatbuffer).graph.outputs[-1].name == "loss"


def test_report_is_a_scheme(model: Path, tmp_path: Path) -> None:
    """The `update` list of one conversion reproduces it as a scheme file."""
    assert _run(model, "--update", "last:3", "--quiet") == 0
    report = json.loads((tmp_path / "net_train.json").read_text())
    scheme = tmp_path / "scheme.json"
    scheme.write_text(json.dumps({"layers": report["update"]}))
    again = tmp_path / "again"
    assert _run(model, "--update", str(scheme), "--output", str(again), "--quiet") == 0
    first = (tmp_path / "net_train.tflite").read_bytes()
    assert (again / "net_train.tflite").read_bytes() == first


def test_never_overwrites_by_accident(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = model.parent / "net_train.json"
    result.write_text("mine")
    assert _run(model) == 1
    assert "exists already; use --overwrite" in capsys.readouterr().err
    assert result.read_text() == "mine"
    assert not (model.parent / "net_train.tflite").exists()
    assert _run(model, "--overwrite") == 0
    assert json.loads(result.read_text())["model"] == "net.tflite"


def test_never_replaces_the_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = model.read_bytes()
    assert _run(model, "--output", str(model), "--overwrite") == 1
    assert "would replace the model itself" in capsys.readouterr().err
    assert model.read_bytes() == before


def test_output_file_and_c_array(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "my-net.tflite"
    assert _run(model, "--output", str(output), "--c_array", "--quiet") == 0
    flatbuffer = output.read_bytes()
    names = {p.name for p in output.parent.iterdir()}
    assert names == {"my-net.tflite", "my-net.json", "my-net.h", "my-net.cc"}
    source = (output.parent / "my-net.cc").read_text()
    assert "alignas(16) const unsigned char my_net[]" in source
    body = source[source.index("{") : source.index("}")]
    assert bytes(int(v, 16) for v in re.findall(r"0x[0-9a-f]{2}", body)) == flatbuffer
    assert f"my_net_len = {len(flatbuffer)};" in source
    compiled = subprocess.run(
        ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "my-net.cc", "-o", "my-net.o"],
        cwd=output.parent,
        capture_output=True,
        text=True,
    )
    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [("256k", 262144), ("262144", 262144), ("1m", 1048576), ("0.5M", 524288), ("64 KiB", 65536)],
)
def test_budget(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["", "-1", "0", "many", "1g", "nan", "1e5", "k"])
def test_bad_budget(text: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(model), f"--budget={text}"])
    assert stop.value.code == 2
    assert "no amount of memory" in capsys.readouterr().err


def test_impossible_budget_says_what_is_needed(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(model), "--budget", "2k"]) == 1
    message = capsys.readouterr().err
    needed = int(re.search(r"needs (\d+) bytes", message)[1])  # type: ignore[index]
    assert "inference alone takes" in message
    assert list(model.parent.iterdir()) == [model]
    assert main([str(model), "--budget", str(needed), "--quiet"]) == 0


def test_smaller_budgets_train_less(model: Path) -> None:
    trained = []
    for budget in ("7k", "9k", "64k"):
        assert main([str(model), "--budget", budget, "--overwrite", "--quiet"]) == 0
        report = json.loads((model.parent / "net_train.json").read_text())
        assert report["arena_bytes"] <= parse_bytes(budget)
        trained.append(len(report["update"]))
    assert trained == sorted(trained) and trained[0] < trained[-1]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\0" * 4096])
def test_errors_are_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    result = subprocess.run(
        [sys.executable, "-m", "converter", str(path), "--budget", "64k"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: bad.tflite: ") and result.stderr.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["bad.tflite"]


def test_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.tflite"), "--budget", "64k"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_quiet_prints_nothing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model, "--quiet") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_verbose_shows_frozen_layers(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model, "--update", "last:1", "--overwrite") == 0
    brief = capsys.readouterr().out
    assert _run(model, "--update", "last:1", "--overwrite", "--verbose") == 0
    assert capsys.readouterr().out.count("frozen") > brief.count("frozen")
