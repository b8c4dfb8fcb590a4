"""One case of fuzzing: a hostile file, what it is given to, and what came of it.

Case `number` of a seed is always the same: python -m tests.fuzz --seed S --first N --count 1.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import warnings
from collections.abc import Callable

import numpy as np

import converter.cli
from converter.conversion import convert
from converter.errors import ConverterError
from converter.merge import merge
from converter.model import read_model
from converter.passes.training_graph import METADATA_NAME
from tests.fuzz.byte_mutations import BYTE_MUTATIONS
from tests.fuzz.mutations import changed_json
from tests.fuzz.runner_cases import checkpoint_case, data_case, training_model_case
from tests.fuzz.seeds import (
    OUTPUT,
    FindingError,
    Seeds,
    expect_one_line,
    hostile_model,
    hostile_training_model,
    pick,
    run_command,
)
from tflm_training._library import runtime

# A valid output is loaded in TFLite Micro once in so many cases.
_LOADED = 2
_UPDATES = ("all", "all", "last:1", "last:2", "last:3", "bias:2")
# A search converts hundreds of times.
_LARGEST_SEARCHED = 30000
_BUDGETS = (None, None, 2000, 12000, 40000, 200000)


def run_case(seeds: Seeds, seed: int, number: int) -> tuple[str, str]:
    """(kind, OUTPUT or ERROR). Raises FindingError and whatever else comes up."""
    rng = random.Random(f"{seed}:{number}")
    kind = rng.choices(list(_KINDS), [weight for _, weight in _KINDS.values()])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return kind, _KINDS[kind][0](seeds, rng)


def _convert(seeds: Seeds, rng: random.Random) -> str:
    model = hostile_model(seeds, rng)
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
            accumulate=rng.choice((1, 1, 4)),
            **resized,
        )
    except ConverterError as error:
        return expect_one_line(str(error))
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


def _convert_command(seeds: Seeds, rng: random.Random) -> str:
    """All that the converter writes: report, page, C++ source, plots, scheme."""
    path = seeds.folder / "hostile.tflite"
    path.write_bytes(hostile_model(seeds, rng))
    report = seeds.folder / "report.html"
    arguments = [str(path), "--budget", rng.choice(("40k", "1m")), "--overwrite", "--c_array"]
    arguments += ["--report", str(report), "--save_scheme", str(seeds.folder / "scheme.json")]
    arguments += ["--update", _update(rng, path.read_bytes()), rng.choice(("--verbose", "--quiet"))]
    if rng.random() < 0.1:
        arguments += ["--plot", str(seeds.folder / "map.png")]
    if rng.random() < 0.3:
        arguments += ["--loss", "mse"]
    return run_command(converter.cli.main, arguments)


def _scheme(seeds: Seeds, rng: random.Random) -> str:
    """Scheme files: damaged bytes, and JSON of wrong types and values."""
    model = pick(rng, seeds.models)
    path = seeds.folder / "scheme.json"
    try:
        names = _layer_names(model)
    except ConverterError as error:
        return expect_one_line(str(error))
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
        return expect_one_line(str(error))
    return OUTPUT


@functools.lru_cache(maxsize=32)
def _layer_names(model: bytes) -> list[str]:
    for loss in (None, "mse"):
        with contextlib.suppress(ConverterError):
            return [layer.name for layer in convert(model, update="all", loss=loss).training.layers]
    return ["none"]


def _merge(seeds: Seeds, rng: random.Random) -> str:
    """A training flatbuffer is merged without an interpreter."""
    try:
        merged = merge(hostile_training_model(seeds, rng))
    except ConverterError as error:
        return expect_one_line(str(error))
    assert METADATA_NAME not in read_model(merged).metadata
    return OUTPUT


# Kind -> what runs it, and how often it comes.
_KINDS: dict[str, tuple[Callable[[Seeds, random.Random], str], int]] = {
    "convert": (_convert, 80),
    "convert, all files": (_convert_command, 4),
    "scheme": (_scheme, 3),
    "merge": (_merge, 5),
    "checkpoint": (checkpoint_case, 3),
    "data": (data_case, 2),
    "inspect, merge, eval": (training_model_case, 3),
}
