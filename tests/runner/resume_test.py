"""`train --save`, `--resume` and `--stop_after`, each command in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter import convert
from examples.digits.data import handwritten_digits
from examples.digits.demo import MODEL
from tests.command_line import error_of
from tflm_training import History, Trainer
from tflm_training.cli import main

STEPS = 400


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The bundled model as training flatbuffer, and 200 samples of handwriting."""
    folder = tmp_path_factory.mktemp("digits")
    model, data = folder / "digits_train.tflite", folder / "digits.npz"
    model.write_bytes(convert(MODEL.read_bytes(), 14 * 1024).flatbuffer)
    np.savez(data, **{name: values[:200] for name, values in handwritten_digits().items()})
    return model, data


def _command(digits: tuple[Path, Path], *arguments: object) -> list[str]:
    model, data = digits
    command = [sys.executable, "-m", "tflm_training", "train", str(model), "--data", str(data)]
    return [*command, *(str(argument) for argument in arguments)]


def _train(digits: tuple[Path, Path], *arguments: object) -> str:
    done = subprocess.run(
        _command(digits, *arguments), check=True, capture_output=True, encoding="utf-8"
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def whole(digits: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint after 400 steps at once."""
    path = tmp_path_factory.mktemp("whole") / "whole.ckpt"
    _train(digits, "--epochs", 2, "--seed", 5, "--save", path)
    return path.read_bytes()


@pytest.mark.parametrize("stop", [200, 137])
def test_two_processes_do_what_one_does(
    digits: tuple[Path, Path], whole: bytes, tmp_path: Path, stop: int
) -> None:
    half, end = tmp_path / "half.ckpt", tmp_path / "end.ckpt"
    printed = _train(digits, "--epochs", 2, "--seed", 5, "--stop_after", stop, "--save", half)
    assert f"saved: {half}, step {stop} of {STEPS}" in printed
    assert half.read_bytes() != whole
    printed = _train(digits, "--resume", half, "--save", end)
    assert f"saved: {end}, step {STEPS} of {STEPS}" in printed
    assert end.read_bytes() == whole


def test_ctrl_c_leaves_a_checkpoint_that_goes_on(digits: tuple[Path, Path], tmp_path: Path) -> None:
    interrupted, end = tmp_path / "interrupted.ckpt", tmp_path / "end.ckpt"
    at_once = tmp_path / "at_once.ckpt"
    process = subprocess.Popen(
        _command(digits, "--epochs", 60, "--save", interrupted),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # A shell's background jobs ignore the signal, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("before: ")
    assert process.stdout.readline().startswith("epoch 1/60: ")
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    start, step, rest = errors.partition(" was saved; ")[0].rpartition(" ")
    assert (start, step) == ("error: interrupted, step", " ") and 200 <= int(rest) < 12000 - 100
    assert errors.endswith(f"--resume {interrupted} goes on\n")
    _train(digits, "--resume", interrupted, "--stop_after", 100, "--save", end)
    _train(digits, "--epochs", 60, "--stop_after", int(rest) + 100, "--save", at_once)
    assert end.read_bytes() == at_once.read_bytes() != interrupted.read_bytes()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "training is done and saved; eval --checkpoint {path} tests it"),
        (("--stop_after", 150), "step 150 was saved; --resume {path} goes on"),
    ],
)
def test_ctrl_c_in_the_last_test(
    digits: tuple[Path, Path],
    more: tuple[object, ...],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = Trainer.fit

    def fit_and_interrupt(*arguments: Any, **named: Any) -> History:
        history = fit(*arguments, **named)
        signal.raise_signal(signal.SIGINT)
        return history

    monkeypatch.setattr(Trainer, "fit", fit_and_interrupt)
    path = tmp_path / "run.ckpt"
    command = [*_command(digits, "--epochs", 1, "--save", path)[3:], *map(str, more)]
    assert main(command) == 130
    captured = capsys.readouterr()
    assert captured.err == f"error: interrupted, {says.format(path=path)}\n"
    assert "after: " not in captured.out
    Trainer(digits[0]).restore(path)


def test_what_cannot_be_resumed(
    digits: tuple[Path, Path], whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "whole.ckpt"
    path.write_bytes(whole)
    start = _command(digits)[3:]
    error = error_of(capsys, *start, "--resume", path)
    assert error == f"{path}: its 2 epochs are done; a larger --epochs goes on"
    error = error_of(capsys, *start, "--resume", path, "--epochs", 3, "--limit", 100)
    assert "trains on 200 samples an epoch, this one on 100" in error
    error = error_of(capsys, *start, "--resume", path, "--epochs", 3, "--seed", 4)
    assert f"--seed 4: {path} has the seed 5" in error
    assert "not a checkpoint" in error_of(capsys, *start, "--resume", digits[0])
    assert "--stop_after: needs --save" in error_of(capsys, *start, "--stop_after", 3)
    assert "exists already (--overwrite" in error_of(capsys, *start, "--save", path)
    assert "name the same file" in error_of(
        capsys, *start, "--save", tmp_path / "a", "--json", tmp_path / "a"
    )
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["whole.ckpt"]


def test_more_epochs_go_on_from_the_end(
    digits: tuple[Path, Path], whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.ckpt"
    path.write_bytes(whole)
    command = _command(digits, "--resume", path, "--epochs", 3, "--save", path, "--overwrite")
    assert main([*command[3:], "--quiet", "--json", str(tmp_path / "r.json")]) == 0
    assert path.read_bytes() != whole
    assert '"steps": 200,' in (tmp_path / "r.json").read_text()
