"""Training through the device protocol gives what training on this computer gives, bit for bit."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.model.reader import read_model
from converter.model.writer import write_model
from examples.digits.demo import MODEL
from tests.device.conftest import NARROW, WIDE
from tests.device.firmware import DisturbedLine, SerialPort, build_host, running
from tests.runner.tiny_models import training_model
from tflm_training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from tflm_training.device import Device, DeviceError
from tflm_training.device_frame import ErrorCode
from tflm_training.device_trainer import DeviceTrainer
from tflm_training.trainer import Trainer

SAMPLES = 120


def _weights(checkpoint: bytes) -> bytes:
    """Steps and variables: all of a checkpoint but the application's own and its CRC."""
    (variable_bytes,) = struct.unpack_from("<I", checkpoint, 28)
    return checkpoint[:32] + checkpoint[36 : 36 + variable_bytes]


def _losses(trainer: Trainer, x: np.ndarray, y: np.ndarray | None) -> list[float]:
    """The running loss after each step of a fit of two epochs."""
    losses: list[float] = []

    class Record(Callback):
        def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
            losses.append(logs["loss"])

    trainer.fit(x, y, epochs=2, learning_rate=0.02, callbacks=[Record()])
    return losses


def assert_equal_training(
    url: str, model: Path, x: np.ndarray, y: np.ndarray | None, folder: Path
) -> Device:
    """Both start from one checkpoint, train, and must end at one. Returns the device, open."""
    host = Trainer(model, seed=5)
    host.save(folder / "start.ckpt")
    device = Device(url)
    trainer = DeviceTrainer(device, seed=5)
    trainer.restore(folder / "start.ckpt")
    expected = _losses(host, x, y)
    assert len(expected) == 2 * len(x) and expected[0] != expected[-1]
    assert _losses(trainer, x, y) == expected
    assert trainer.evaluate(x, y) == host.evaluate(x, y)
    host.save(folder / "host.ckpt")
    trainer.save(folder / "device.ckpt")
    start, one, other = (
        _weights((folder / name).read_bytes())
        for name in ("start.ckpt", "host.ckpt", "device.ckpt")
    )
    assert other == one != start
    return device


def assert_goes_on_after_a_restart(
    start: Callable[[], AbstractContextManager[str]], model: Path, x: np.ndarray, y: np.ndarray
) -> None:
    """Half of the steps, a device that is switched off and on, and the rest from the checkpoint
    are all steps at once on this computer."""
    host = Trainer(model, seed=5)
    checkpoint = first = host.checkpoint()
    host.fit(x, y, epochs=1, learning_rate=0.02, shuffle=False, decay=None)
    for half in np.array_split(np.arange(len(x)), 2):
        with start() as url, Device(url) as device:
            trainer = DeviceTrainer(device)
            assert trainer.steps == 0
            trainer.restore(checkpoint)
            trainer.fit(x[half], y[half], 1, 0.02, shuffle=False, decay=None)
            checkpoint = trainer.checkpoint()
    assert _weights(checkpoint) == _weights(host.checkpoint()) != _weights(first)


def test_a_restarted_device_goes_on(
    digits_program: Path, digits_model: Path, digits: dict[str, np.ndarray]
) -> None:
    x, y = digits["x_train"][:200], digits["y_train"][:200]
    assert_goes_on_after_a_restart(lambda: running(digits_program), digits_model, x, y)


def test_digits(
    device_url: str, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    x, y = digits["x_train"][:SAMPLES], digits["y_train"][:SAMPLES]
    with assert_equal_training(device_url, digits_model, x, y, tmp_path) as device:
        assert device.retries == 0
        assert device.refresh().steps == 2 * SAMPLES
        # The device's checkpoint goes on here, and the host's there.
        host = Trainer(digits_model, seed=9)
        host.restore(tmp_path / "device.ckpt")
        outputs = host.predict_quantized(x)
        np.testing.assert_array_equal(DeviceTrainer(device).predict_quantized(x), outputs)


def test_a_serial_port(
    device_url: str, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    port = SerialPort(device_url)
    x, y = digits["x_train"][:20], digits["y_train"][:20]
    assert_equal_training(port.name, digits_model, x, y, tmp_path).close()
    port.close()


def test_callbacks(
    device_url: str, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Early stopping leaves the device with the weights of the best epoch."""

    class WorseAndWorse(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            logs["loss"] = float(epoch)

    x, y = digits["x_train"][:20], digits["y_train"][:20]
    best, last = tmp_path / "best.ckpt", tmp_path / "last.ckpt"
    with Device(device_url) as device:
        trainer = DeviceTrainer(device)
        callbacks = [
            WorseAndWorse(),
            EarlyStopping("loss", patience=2, restore_best_weights=True),
            ModelCheckpoint(best, "loss", save_best_only=True),
            ModelCheckpoint(last),
        ]
        history = trainer.fit(x, y, epochs=5, learning_rate=0.02, callbacks=callbacks)
        assert history.epoch == [0, 1, 2] and trainer.steps == 20
        assert device.read_checkpoint() == best.read_bytes() != last.read_bytes()
        matrix = trainer.confusion_matrix(x, y)
    host = Trainer(digits_model)
    host.restore(best)
    np.testing.assert_array_equal(matrix, host.confusion_matrix(x, y))


def test_reset_returns_to_the_firmware_s_weights(
    device_url: str, digits: dict[str, np.ndarray]
) -> None:
    x, y = digits["x_train"][:20], digits["y_train"][:20]
    with Device(device_url) as device:
        trainer = DeviceTrainer(device)
        before = device.read_checkpoint()
        first = _losses(trainer, x, y)
        assert device.read_checkpoint() != before
        trainer.reset()
        assert device.read_checkpoint() == before
        assert _losses(trainer, x, y) == first


def test_an_accumulation_goes_on_from_its_middle(
    digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    model = tmp_path / "digits_train.tflite"
    model.write_bytes(converter.convert(MODEL.read_bytes(), 20 << 10, accumulate=7).flatbuffer)
    program = build_host(tmp_path, f"MODEL={model}")
    x, y = digits["x_train"][:30], digits["y_train"][:30]
    assert 2 * len(x) % 7 != 0
    with running(program) as url:
        assert_equal_training(url, model, x, y, tmp_path).close()
    host = Trainer(model)
    host.restore(tmp_path / "device.ckpt")
    with running(program) as url, Device(url) as device:
        trainer = DeviceTrainer(device)
        trainer.restore(tmp_path / "host.ckpt")
        assert _losses(trainer, x, y) == _losses(host, x, y)
        assert _weights(trainer.checkpoint()) == _weights(host.checkpoint())


def test_targets_samples_and_outputs_larger_than_a_frame(wide_model: Path, tmp_path: Path) -> None:
    program = build_host(tmp_path, f"MODEL={wide_model}")
    x = np.random.default_rng(4).integers(-128, 128, (4, NARROW)).astype(np.int8)
    y = np.random.default_rng(5).integers(-128, 128, (4, WIDE)).astype(np.int8)
    with running(program) as url:
        assert_equal_training(url, wide_model, x, y, tmp_path).close()


def test_a_line_that_damages_bytes_changes_nothing(
    device_url: str, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    generator = random.Random(1)

    def flip(data: bytes) -> bytes:
        """One damaged bit in every tenth piece of the stream."""
        if generator.random() > 0.1:
            return data
        damaged = bytearray(data)
        damaged[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        return bytes(damaged)

    line = DisturbedLine(device_url, to_device=flip, to_host=flip)
    x, y = digits["x_train"][:SAMPLES], digits["y_train"][:SAMPLES]
    with assert_equal_training(line.url, digits_model, x, y, tmp_path) as device:
        assert device.retries > 10
    line.close()


@pytest.mark.parametrize("way", ["to_device", "to_host"])
def test_a_line_that_loses_bytes_changes_nothing(
    device_url: str,
    digits_model: Path,
    digits: dict[str, np.ndarray],
    tmp_path: Path,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tflm_training.device._REPLY_SECONDS", 0.5)
    generator = random.Random(2)

    def lose(data: bytes) -> bytes:
        if generator.random() > 0.05:
            return data
        return data[: generator.randrange(len(data))]

    ways = {"to_device": lambda data: data, "to_host": lambda data: data, way: lose}
    line = DisturbedLine(device_url, **ways)
    x, y = digits["x_train"][:30], digits["y_train"][:30]
    with assert_equal_training(line.url, digits_model, x, y, tmp_path) as device:
        assert device.retries > 0
    line.close()


def test_a_refused_checkpoint_changes_nothing(
    device_url: str, digits: dict[str, np.ndarray]
) -> None:
    x, y = digits["x_train"][:20], digits["y_train"][:20]
    with Device(device_url) as device:
        _losses(DeviceTrainer(device), x, y)
        good = device.read_checkpoint()
        other = bytearray(good)
        other[8] ^= 1
        for bad in (b"", b"x" * 50, good[:-1], good[:40], bytes(other), good[:-1] + b"\0\0"):
            with pytest.raises(DeviceError, match="checkpoint"):
                device.restore(bad)
            assert device.read_checkpoint() == good


def test_a_sample_of_a_wrong_size_is_refused(device_url: str) -> None:
    with Device(device_url) as device, pytest.raises(DeviceError, match="63 bytes.*takes 64"):
        device.step(bytes(63), 0, 0.1)


def test_a_model_that_does_not_start_says_why(digits_model: Path, tmp_path: Path) -> None:
    model = read_model(training_model("mse", np.full((WIDE, 300), 2)))
    path = tmp_path / "large_train.tflite"
    path.write_bytes(write_model(model))
    program = build_host(tmp_path, f"MODEL={path}")
    with running(program) as url, pytest.raises(DeviceError, match="allocate.*tensor") as raised:
        Device(url)
    assert raised.value.code == ErrorCode.NOT_READY
