"""`python -m tflm_training`: what it prints and writes, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from converter import convert
from tests.command_line import error_of
from tests.stock import DIGITS
from tflm_training.cli import main
from tflm_training.trainer import Trainer

KEYS = {
    "accuracy_before",
    "accuracy_after",
    "error_before",
    "error_after",
    "loss",
    "steps",
    "arena_used_bytes",
    "confusion_matrix",
}


def test_train(
    model_file: Path, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    arguments = ["train", model_file, "--data", data_file, "--json", report]
    arguments += ["--epochs", 3, "--learning_rate", 0.05]
    assert main([str(a) for a in arguments]) == 0
    content = json.loads(report.read_text())
    assert set(content) == KEYS
    assert content["accuracy_before"] < content["accuracy_after"] > 0.9
    assert content["error_before"] is None and content["error_after"] is None
    assert len(content["loss"]) == 3 and content["loss"][2] < content["loss"][0]
    assert content["steps"] == 270
    matrix = np.array(content["confusion_matrix"])
    assert matrix.shape == (3, 3) and np.trace(matrix) / 30 == content["accuracy_after"]
    assert content["arena_used_bytes"] == Trainer(model_file).arena_used_bytes
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "before",
        "epoch 1/3",
        "epoch 2/3",
        "epoch 3/3",
        "after",
        "arena",
    ]
    assert lines[0] == f"before: accuracy {100 * content['accuracy_before']:.2f} %"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "data.npz",
        "model_train.tflite",
        "report.json",
    ]


def test_the_seed_decides(model_file: Path, data_file: Path, tmp_path: Path) -> None:
    reports = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        path = tmp_path / name
        command = ["train", str(model_file), "--data", str(data_file), "--seed", seed]
        assert main([*command, "--json", str(path), "--quiet"]) == 0
        reports.append(path.read_text())
    assert reports[0] == reports[1] != reports[2]


def test_an_autoencoder_reports_its_error(autoencoder: bytes, tmp_path: Path) -> None:
    model, data, report = tmp_path / "m.tflite", tmp_path / "d.npz", tmp_path / "r.json"
    model.write_bytes(autoencoder)
    x = np.random.default_rng(0).normal(0.0, 3.0, (60, 4))
    np.savez(data, x_train=x[:50], x_test=x[50:])
    assert main(["train", str(model), "--data", str(data), "--json", str(report)]) == 0
    content = json.loads(report.read_text())
    assert content["accuracy_before"] is None and content["accuracy_after"] is None
    assert content["error_after"] < content["error_before"]
    assert content["confusion_matrix"] is None


def test_quiet_and_verbose(
    model_file: Path, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(model_file), "--data", str(data_file), "--limit", "4"]
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main([*command, "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "loss: softmax_cross_entropy" in out
    assert "input: input int8 [1, 8], scale 0.25, zero point -3" in out


def test_limit(model_file: Path, data_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    command = ["train", str(model_file), "--data", str(data_file), "--epochs", "2"]
    assert main([*command, "--limit", "7", "--json", str(report)]) == 0
    assert json.loads(report.read_text())["steps"] == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "m.tflite"], "--data"),
        (["train", "m.tflite", "--data", "d", "--epochs", "0"], "0 is not 1 or larger"),
        (["train", "m.tflite", "--data", "d", "--epochs", "two"], "'two' is not an integer"),
        (["train", "m", "--data", "d", "--learning_rate", "nan"], "nan is not finite"),
        (["train", "m", "--data", "d", "--learning_rate", "-1"], "-1 is not finite and 0 or"),
        (["train", "m", "--data", "d", "--seed", "-1"], "-1 is not 0 or larger"),
        (["train", "m", "--data", "d", "--quiet", "--verbose"], "not allowed with"),
        (["train", "m", "--data", "d", "--epoch", "3"], "unrecognized arguments"),
    ],
)
def test_wrong_command_lines(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in error_of(capsys, *arguments, status=2)


def test_wrong_files(
    model_file: Path, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    error = error_of(capsys, "train", missing, "--data", data_file)
    assert error == f"{missing}: No such file or directory"
    error = error_of(capsys, "train", model_file, "--data", missing)
    assert error == f"{missing}: No such file or directory"
    error = error_of(capsys, "train", data_file, "--data", data_file)
    assert error == f"{data_file}: not a TFLite model (or a damaged one)"
    np.savez(tmp_path / "short.npz", x_train=np.ones((2, 8)), x_test=np.ones((2, 8)))
    error = error_of(capsys, "train", model_file, "--data", tmp_path / "short.npz")
    assert error.endswith("short.npz: no array y_train, y_test")


def test_the_wrong_split_is_named(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "d.npz"
    good, labels = np.ones((2, 8)), np.array([0, 1])
    for name, bad in (("x_test", np.ones((2, 9))), ("y_test", np.array([0, 5]))):
        arrays = {"x_train": good, "y_train": labels, "x_test": good, "y_test": labels}
        np.savez(path, **{**arrays, name: bad})
        assert f"{name}" in error_of(capsys, "train", model_file, "--data", path)


def test_too_small_an_arena(
    tmp_path: Path, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted = convert(DIGITS.read_bytes(), update="last:2")
    assert converted.plan.has_offsets
    model_file = tmp_path / "digits_train.tflite"
    model_file.write_bytes(converted.flatbuffer)
    needed = converted.arena_host.smallest_arena
    for arena in (900, needed // 2, needed - 16):
        error = error_of(capsys, "train", model_file, "--data", data_file, "--arena_bytes", arena)
        expected = f"{model_file} needs {needed} bytes of arena on this computer"
        assert error == f"arena_bytes {arena}: {expected}"
    assert Trainer(model_file, arena_bytes=needed).arena_used_bytes <= needed


def test_a_report_is_not_overwritten_by_accident(
    model_file: Path, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    report.write_text("mine")
    command = ["train", model_file, "--data", data_file, "--json", report]
    assert "exists already" in error_of(capsys, *command)
    assert report.read_text() == "mine"
    assert main([str(a) for a in [*command, "--overwrite"]]) == 0
    assert set(json.loads(report.read_text())) == KEYS
    elsewhere = tmp_path / "no" / "such" / "directory.json"
    error = error_of(capsys, "train", model_file, "--data", data_file, "--json", elsewhere)
    assert "not a file in an existing directory" in error


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        ("train", "save", "json"),
        ("train", "save", "plot"),
        ("train", "plot", "json"),
        ("eval", "plot", "json"),
        ("device", "save", "json"),
    ],
)
def test_no_file_is_two_outputs(
    command: str,
    first: str,
    second: str,
    model_file: Path,
    data_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = tmp_path / "out.png"
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    source = ("--port", "socket://127.0.0.1:1") if command == "device" else (model_file,)
    for other in (one, tmp_path / "folder" / ".." / "out.png", tmp_path / "link" / "out.png"):
        outputs = (f"--{first}", one, f"--{second}", other, "--overwrite")
        error = error_of(capsys, command, *source, "--data", data_file, *outputs)
        assert error == f"{other}: --{first} and --{second} name the same file"
        assert not one.exists()


def test_a_failed_run_leaves_no_report(
    model_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", interrupt)
    before = set(tmp_path.iterdir())
    report = tmp_path / "report.json"
    command = ["train", str(model_file), "--data", str(data_file), "--json", str(report)]
    assert main(command) == 130
    assert set(tmp_path.iterdir()) == before


def test_ctrl_c(model_file: Path, data_file: Path) -> None:
    command = [sys.executable, "-m", "tflm_training", "train", str(model_file)]
    command += ["--data", str(data_file), "--epochs", "100000000"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell's background jobs ignore the signal, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("before: ")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "error: interrupted, nothing was written\n"


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, tflm_training; sys.exit('tflm_training._runtime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
