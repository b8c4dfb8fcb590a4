"""What cases of fuzzing share: the models they damage, commands, and what a message may be."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from converter.conversion import convert
from converter.errors import ConverterError
from tests.fuzz.byte_mutations import damaged_model
from tests.fuzz.mutations import change_training_model, restructured

OUTPUT, ERROR = "output", "error"
_LONGEST_MESSAGE = 1000


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
        with contextlib.suppress(ConverterError):
            training.append(convert(model, update="last:2", accumulate=4).flatbuffer)
    return Seeds(models, tuple(training), folder)


@contextlib.contextmanager
def seeds_of(paths: list[Path]) -> Iterator[Seeds]:
    with tempfile.TemporaryDirectory(prefix="tflm_training_fuzz_") as folder:
        yield make_seeds(paths, Path(folder))


def hostile_model(seeds: Seeds, rng: random.Random) -> bytes:
    model = pick(rng, seeds.models)
    return rng.choice((damaged_model, restructured, restructured, restructured))(rng, model)


def pick(rng: random.Random, models: tuple[bytes, ...]) -> bytes:
    """Small models more often: they take less time and have as many places to go wrong."""
    return rng.choices(models, [1.0 / len(model) for model in models])[0]


def hostile_training_model(seeds: Seeds, rng: random.Random) -> bytes:
    model = pick(rng, seeds.training)
    return rng.choice((damaged_model, restructured, change_training_model))(rng, model)


def run_command(run: Callable[[list[str]], int], arguments: list[str]) -> str:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments)
    if status == 0:
        return OUTPUT
    message = err.getvalue()
    if status != 1 or not message.startswith("error: ") or not message.endswith("\n"):
        raise FindingError(f"exit status {status}: {message[:300]!r}")
    return expect_one_line(message[:-1])


def expect_one_line(message: str) -> str:
    if not message.strip() or len(message.splitlines()) != 1 or not message.isprintable():
        raise FindingError(f"not one line: {message[:300]!r}")
    if len(message) > _LONGEST_MESSAGE:
        raise FindingError(f"message of {len(message)} characters: {message[:200]!r}")
    return ERROR
