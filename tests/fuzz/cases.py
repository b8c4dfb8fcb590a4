"""One case of fuzzing: a hostile file, what it is given to, and what came of it.

Case `number` of a seed is always the same: python -m tests.fuzz --seed S --first N --count 1.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import os
import random
import signal
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import converter.cli
import tflm_training.cli
from converter.conversion import convert
from converter.errors import ConverterError
from converter.merge import merge
from converter.model import read_model
from converter.passes.training_graph import METADATA_NAME
from tests.fuzz.mutations import (
    BYTE_MUTATIONS,
    change_training_model,
    changed_json,
    damaged_model,
    restructured,
)
from tflm_training import Trainer
from tflm_training._library import runtime

OUTPUT, ERROR = "output", "error"
_LONGEST_MESSAGE = 1000
# A valid output is loaded in TFLite Micro once in so many cases.
_LOADED = 2
_UPDATES = ("all", "all", "last:1", "last:2", "last:3", "bias:2")
# A search converts hundreds of times.
_LARGEST_SEARCHED = 30000
_BUDGETS = (None, None, 2000, 12000, 40000, 200000)


class FindingError(Exception):
    """What must not happen: neither a valid output nor an error of one line."""


@dataclasses.dataclass(frozen=True)
class Seeds:
    """The models that are mutated; training: what the converter made of them; folder: to write
    files to, empty it between cases or not."""

    models: tuple[bytes, ...]
    training: tuple[bytes, ...]
    folder: Path


def make_seeds(paths: list[Path], folder: Path) -> Seeds:
    models = tuple(path.read_bytes() for path in paths)
    training = []
    for model in models:
        for update in ("last:1", "all"):
            for loss in (None, "mse"):
                with contextlib.suppress(ConverterError):
                    training.append(convert(model, update=update, loss=loss).flatbuffer)
    return Seeds(models, tuple(training), folder)


def run_case(seeds: Seeds, seed: int, number: int) -> tuple[str, str]:
    """(kind, OUTPUT or ERROR). Raises FindingError and whatever else comes up."""
    rng = random.Random(f"{seed}:{number}")
    kind = rng.choices(list(_KINDS), [weight for _, weight in _KINDS.values()])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return kind, _KINDS[kind][0](seeds, rng)


def _expect_one_line(message: str) -> str:
    if not message.strip() or len(message.splitlines()) != 1 or not message.isprintable():
        raise FindingError(f"not one line: {message[:300]!r}")
    if len(message) > _LONGEST_MESSAGE:
        raise FindingError(f"message of {len(message)} characters: {message[:200]!r}")
    return ERROR


def _hostile_model(seeds: Seeds, rng: random.Random) -> bytes:
    model = _pick(rng, seeds.models)
    return rng.choice((damaged_model, restructured, restructured, restructured))(rng, model)


def _pick(rng: random.Random, models: tuple[bytes, ...]) -> bytes:
    """Small models more often: they take less time and have as many places to go wrong."""
    return rng.choices(models, [1.0 / len(model) for model in models])[0]


def _convert(seeds: Seeds, rng: random.Random) -> str:
    model = _hostile_model(seeds, rng)
    loss = rng.choice((None, None, "mse"))
    resized = rng.choice(({}, {}, {"num_classes": 3}, {"spare_classes": 2}))
    try:
        converted = convert(
            model,
            budget=rng.choice(_BUDGETS),
            update=_update(rng, model),
            loss=loss,
            gradient_bits=rng.choice((None, None, 8)),
            weight_bits=rng.choice((8, 8, 16)),
            **resized,
        )
    except ConverterError as error:
        return _expect_one_line(str(error))
    read_model(converted.flatbuffer)
    if rng.randrange(_LOADED) == 0:
        _check_loads(model, converted.flatbuffer)
    return OUTPUT


def _update(rng: random.Random, model: bytes) -> str:
    return rng.choice((*_UPDATES, "auto") if len(model) <= _LARGEST_SEARCHED else _UPDATES)


def _check_loads(model: bytes, training: bytes) -> None:
    """What TFLite Micro runs before, it runs after. Each in a process of its own: TFLite Micro
    itself may crash on a model that makes no sense."""
    if runs_in_tflm(model) and not runs_in_tflm(training):
        raise FindingError("the model runs in TFLite Micro, its training flatbuffer does not")


def runs_in_tflm(model: bytes) -> bool:
    """Whether TFLite Micro allocates and invokes the model, in a child process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            interpreter = runtime().Interpreter(model)
            for i, tensor in enumerate(interpreter.inputs()):
                interpreter.set_input(i, np.zeros(tensor.shape, tensor.dtype))
            interpreter.invoke()
            status = 0
        except Exception:
            pass
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _command(run: Callable[[list[str]], int], arguments: list[str]) -> str:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments)
    if status == 0:
        return OUTPUT
    message = err.getvalue()
    if status != 1 or not message.startswith("error: ") or not message.endswith("\n"):
        raise FindingError(f"exit status {status}: {message[:300]!r}")
    return _expect_one_line(message[:-1])


def _convert_command(seeds: Seeds, rng: random.Random) -> str:
    """All that the converter writes: report, page, C++ source, plots, scheme."""
    path = seeds.folder / "hostile.tflite"
    path.write_bytes(_hostile_model(seeds, rng))
    report = seeds.folder / "report.html"
    arguments = [str(path), "--budget", rng.choice(("40k", "1m")), "--overwrite", "--c_array"]
    arguments += ["--report", str(report), "--save_scheme", str(seeds.folder / "scheme.json")]
    arguments += ["--update", _update(rng, path.read_bytes()), rng.choice(("--verbose", "--quiet"))]
    if rng.random() < 0.1:
        arguments += ["--plot", str(seeds.folder / "map.png")]
    if rng.random() < 0.3:
        arguments += ["--loss", "mse"]
    return _command(converter.cli.main, arguments)


def _scheme(seeds: Seeds, rng: random.Random) -> str:
    """Scheme files: damaged bytes, and JSON of wrong types and values."""
    model = _pick(rng, seeds.models)
    path = seeds.folder / "scheme.json"
    try:
        names = _layer_names(model)
    except ConverterError as error:
        return _expect_one_line(str(error))
    layers = [
        {"layer": rng.choice((name, i)), "bias": True, "channels": rng.choice((0, 1, "all"))}
        for i, name in enumerate(names)
    ]
    content = {"layers": rng.sample(layers, rng.randint(1, len(layers)))}
    data = json.dumps(content).encode()
    if rng.random() < 0.3:
        path.write_bytes(rng.choice(BYTE_MUTATIONS)(rng, data))
    else:
        path.write_text(json.dumps(changed_json(rng, content)), encoding="utf-8")
    try:
        read_model(convert(model, update=str(path), loss=rng.choice((None, "mse"))).flatbuffer)
    except ConverterError as error:
        return _expect_one_line(str(error))
    return OUTPUT


@functools.lru_cache(maxsize=32)
def _layer_names(model: bytes) -> list[str]:
    for loss in (None, "mse"):
        with contextlib.suppress(ConverterError):
            return [layer.name for layer in convert(model, update="all", loss=loss).training.layers]
    return ["none"]


def _hostile_training_model(seeds: Seeds, rng: random.Random) -> bytes:
    model = _pick(rng, seeds.training)
    return rng.choice((damaged_model, restructured, change_training_model))(rng, model)


def _merge(seeds: Seeds, rng: random.Random) -> str:
    """A training flatbuffer is merged without an interpreter."""
    try:
        merged = merge(_hostile_training_model(seeds, rng))
    except ConverterError as error:
        return _expect_one_line(str(error))
    assert METADATA_NAME not in read_model(merged).metadata
    return OUTPUT


def _checkpoint(seeds: Seeds, rng: random.Random) -> str:
    """Damaged checkpoints, half of them with the right CRC, in every command that reads them."""
    model = _pick(rng, seeds.training)
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
    return _command(tflm_training.cli.main, arguments)


@functools.lru_cache(maxsize=32)
def _trained_checkpoint(model: bytes) -> bytes:
    trainer = Trainer(model)
    data = _good_data(model)
    trainer.fit(data["x_train"], data["y_train"], epochs=1)
    return trainer.checkpoint()


def _data(seeds: Seeds, rng: random.Random) -> str:
    """Data files: damaged archives, and arrays of wrong types, shapes and values."""
    model = _pick(rng, seeds.training)
    of, path = seeds.folder / "training.tflite", seeds.folder / "hostile.npz"
    of.write_bytes(model)
    wrong = {key: _hostile_array(rng) for key in _DATA_KEYS if rng.random() < 0.4}
    _write_data(path, model, {} if rng.random() < 0.4 else wrong)
    if rng.random() < 0.5:
        path.write_bytes(rng.choice(BYTE_MUTATIONS)(rng, path.read_bytes()))
    command = rng.choice((["eval"], ["train", "--epochs", "1"]))
    return _command(
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


def _run_training_model(seeds: Seeds, rng: random.Random) -> str:
    """A hostile training flatbuffer in the commands that run it."""
    model = _pick(rng, seeds.training)
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
    return _command(tflm_training.cli.main, arguments)


# Kind -> what runs it, and how often it comes.
_KINDS: dict[str, tuple[Callable[[Seeds, random.Random], str], int]] = {
    "convert": (_convert, 80),
    "convert, all files": (_convert_command, 4),
    "scheme": (_scheme, 3),
    "merge": (_merge, 5),
    "checkpoint": (_checkpoint, 3),
    "data": (_data, 2),
    "inspect, merge, eval": (_run_training_model, 3),
}


@contextlib.contextmanager
def seeds_of(paths: list[Path]) -> Iterator[Seeds]:
    with tempfile.TemporaryDirectory(prefix="tflm_training_fuzz_") as folder:
        yield make_seeds(paths, Path(folder))
