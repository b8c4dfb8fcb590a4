"""Cases of fuzzing that the tflm_training command reads: checkpoints, data, training models."""

from __future__ import annotations

import functools
import random
import zlib
from pathlib import Path

import numpy as np

import tflm_training.cli
from converter.model import read_model
from tests.fuzz.byte_mutations import BYTE_MUTATIONS, damaged_model
from tests.fuzz.mutations import change_training_model
from tests.fuzz.seeds import Seeds, pick, run_command
from tflm_training import Trainer


def checkpoint_case(seeds: Seeds, rng: random.Random) -> str:
    """Damaged checkpoints, half of them with the right CRC, in every command that reads them."""
    model = pick(rng, seeds.training)
    checkpoint = _trained_checkpoint(model)
    hostile = rng.choice(BYTE_MUTATIONS)(rng, checkpoint)
    if rng.random() < 0.5:
        head, body = hostile[:36], hostile[36:-4]
        if rng.random() < 0.5:  # the application data, which is JSON
            head, body = checkpoint[:36], rng.choice(BYTE_MUTATIONS)(rng, checkpoint[36:-4])
        hostile = head + body + zlib.crc32(head + body).to_bytes(4, "little")
    path, of = seeds.folder / "hostile.ckpt", seeds.folder / "training.tflite"
    path.write_bytes(hostile)
    of.write_bytes(model)
    data = seeds.folder / "good.npz"
    _write_data(data, model, {})
    merged = str(seeds.folder / "merged.tflite")
    train = ["--data", str(data), "--epochs", "1", "--save", str(seeds.folder / "new.ckpt")]
    arguments = rng.choice(
        (
            ["inspect", str(path)],
            ["merge", str(of), str(path), "--output", merged, "--overwrite"],
            ["eval", str(of), "--checkpoint", str(path), "--data", str(data)],
            ["train", str(of), "--resume", str(path), *train, "--overwrite"],
        )
    )
    return run_command(tflm_training.cli.main, arguments)


@functools.lru_cache(maxsize=32)
def _trained_checkpoint(model: bytes) -> bytes:
    trainer = Trainer(model)
    data = _good_data(model)
    trainer.fit(data["x_train"], data["y_train"], epochs=1)
    return trainer.checkpoint()


def data_case(seeds: Seeds, rng: random.Random) -> str:
    """Data files: damaged archives, and arrays of wrong types, shapes and values."""
    model = pick(rng, seeds.training)
    of, path = seeds.folder / "training.tflite", seeds.folder / "hostile.npz"
    of.write_bytes(model)
    wrong = {key: _hostile_array(rng) for key in _DATA_KEYS if rng.random() < 0.4}
    _write_data(path, model, {} if rng.random() < 0.4 else wrong)
    if rng.random() < 0.5:
        path.write_bytes(rng.choice(BYTE_MUTATIONS)(rng, path.read_bytes()))
    command = rng.choice((["eval"], ["train", "--epochs", "1"]))
    return run_command(
        tflm_training.cli.main, [command[0], str(of), "--data", str(path), *command[1:]]
    )


_DATA_KEYS = ("x_train", "y_train", "x_test", "y_test")
_TYPES = (np.int8, np.uint8, np.float32, np.float64, np.int64, bool, "U3", complex, np.float16)
_SHAPES = ((), (0,), (2,), (2, 1), (1, 2, 3), (2, 10), (2, 1, 1, 1), (0, 5), (3,))


def _hostile_array(rng: random.Random) -> np.ndarray:
    values = np.full(rng.choice(_SHAPES), rng.choice((0, 1, -1, 100, 3)))
    if rng.random() < 0.2:
        return np.full(values.shape, rng.choice((np.nan, np.inf, -1e308, 1e-320)))
    return values.astype(rng.choice(_TYPES))


def _write_data(path: Path, model: bytes, changed: dict[str, np.ndarray]) -> None:
    np.savez(path, **(_good_data(model) | changed))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=64)
def _good_data(model: bytes) -> dict[str, np.ndarray]:
    """Two samples for training and two for tests."""
    source, label, _ = read_model(model).graph.inputs
    y = np.zeros(2, np.int64)
    if label.name == "target":
        y = np.zeros((2, *label.shape[1:]), np.int8)
    x = np.zeros((2, *source.shape[1:]), np.int8)
    return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}


def training_model_case(seeds: Seeds, rng: random.Random) -> str:
    """A hostile training flatbuffer in the commands that run it."""
    model = pick(rng, seeds.training)
    of, data = seeds.folder / "hostile_train.tflite", seeds.folder / "good.npz"
    of.write_bytes(
        rng.choice((damaged_model, change_training_model, change_training_model))(rng, model)
    )
    checkpoint = seeds.folder / "good.ckpt"
    checkpoint.write_bytes(_trained_checkpoint(model))
    _write_data(data, model, {})
    merged = str(seeds.folder / "merged.tflite")
    arguments = rng.choice(
        (
            ["inspect", str(of)],
            ["merge", str(of), str(checkpoint), "--output", merged, "--overwrite"],
            ["eval", str(of), "--data", str(data)],
        )
    )
    return run_command(tflm_training.cli.main, arguments)
