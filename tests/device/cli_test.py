"""`python -m tflm_training device`: what it prints and writes, and its one-line errors."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import error_of
from tflm_training.cli import main


@pytest.fixture
def data_file(tmp_path: Path, digits: dict[str, np.ndarray]) -> Path:
    """60 handwritten digits to train on, 40 to test with."""
    path = tmp_path / "digits.npz"
    arrays = {key: values[: 60 if "train" in key else 40] for key, values in digits.items()}
    np.savez(path, **arrays)
    return path


_DEVICE = ("device", "--port")


@pytest.fixture
def answering() -> Iterator[tuple[str, list[bytes]]]:
    """A port that sends the bytes in the list to whoever connects and writes."""
    answer: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(4096):
                connection.sendall(b"".join(answer))

    threading.Thread(target=serve, daemon=True).start()
    yield f"socket://127.0.0.1:{listener.getsockname()[1]}", answer
    listener.close()


def test_train_save_restore_evaluate(
    device_url: str, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, report = tmp_path / "a.ckpt", tmp_path / "a.json"
    common = ["device", "--port", device_url, "--data", str(data_file)]
    training = [*common, "--epochs", "2", "--learning_rate", "0.02", "--verbose"]
    assert main([*training, "--save", str(checkpoint), "--json", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "input: int8 [1, 8, 8, 1], scale 0.00392157, zero point -128"
    assert [line.split(":")[0] for line in lines[2:]] == [
        *("arena", "checkpoint", "before", "epoch 1/2", "epoch 2/2", "after", "a step"),
        f"wrote {checkpoint}",
    ]
    result = json.loads(report.read_text())
    assert result["steps"] == 120 and len(result["loss"]) == 2
    assert result["ticks_per_second"] == 1_000_000 and 1 <= result["ticks_per_step"] < 1e5
    assert f"a step: {result['ticks_per_step']:,} ticks of 1 MHz, " in lines[-2]
    assert result["accuracy_after"] > result["accuracy_before"]

    assert main([*common, "--evaluate", "--reset"]) == 0
    assert main([*common, "--evaluate", "--restore", str(checkpoint)]) == 0
    before, restored, after = capsys.readouterr().out.splitlines()
    assert before == f"accuracy {100 * result['accuracy_before']:.2f} %"
    assert restored == f"restored: {checkpoint}"
    assert after == f"accuracy {100 * result['accuracy_after']:.2f} %"


def test_nobody_listens(data_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"socket://127.0.0.1:{port}"
    assert f"{url}: cannot be opened" in error_of(
        capsys, "device", "--port", url, "--data", data_file
    )


def test_no_such_serial_port(data_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = error_of(capsys, *_DEVICE, "/dev/ttyNoSuchDevice", "--data", data_file)
    assert "/dev/ttyNoSuchDevice: cannot be opened" in text and "No such file" in text


def test_a_device_that_does_not_answer(
    answering: tuple[str, list[bytes]],
    data_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tflm_training.device._INFO_SECONDS", 0.05)
    assert "no device answers" in error_of(
        capsys, "device", "--port", answering[0], "--data", data_file
    )


def test_a_device_that_talks_of_other_things(
    answering: tuple[str, list[bytes]], data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answering[1].append(b"boot: hello world, TM\r\n")
    assert "no device answers" in error_of(
        capsys, "device", "--port", answering[0], "--data", data_file
    )


def test_another_version_of_the_protocol(
    answering: tuple[str, list[bytes]], data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = struct.pack("<2sBBHH", b"TM", 3, 0xFF, 0, 1) + b"\2"
    answering[1].append(body + struct.pack("<I", zlib.crc32(body)))
    text = error_of(capsys, *_DEVICE, answering[0], "--data", data_file)
    assert "version 3 of the protocol, this program version 2" in text


def test_samples_of_another_shape(
    device_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.npz"
    x, y = np.zeros((3, 9, 9, 1), np.float32), np.zeros(3, np.int64)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    text = error_of(capsys, *_DEVICE, device_url, "--data", path)
    assert "x_test: shape [3, 9, 9, 1], expected [N, 8, 8, 1]" in text


def test_a_checkpoint_of_another_model(
    device_url: str, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.ckpt"
    assert (
        main(
            ["device", "--port", device_url, "--data", str(data_file), "--evaluate"]
            + ["--save", str(path)]
        )
        == 0
    )
    capsys.readouterr()
    content = bytearray(path.read_bytes())
    content[8] ^= 1  # the model's id
    content[-4:] = struct.pack("<I", zlib.crc32(bytes(content[:-4])))
    path.write_bytes(content)
    text = error_of(capsys, *_DEVICE, device_url, "--data", data_file, "--restore", path)
    assert "belongs to another model or another conversion" in text


def test_a_missing_checkpoint_is_found_before_anything_is_sent(
    data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.ckpt"
    text = error_of(
        capsys,
        "device",
        "--port",
        "socket://127.0.0.1:1",
        "--data",
        data_file,
        "--restore",
        missing,
    )
    assert str(missing) in text and "cannot be opened" not in text


def test_nothing_is_overwritten(
    device_url: str, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = error_of(
        capsys, "device", "--port", device_url, "--data", data_file, "--save", data_file
    )
    assert "exists already" in text
