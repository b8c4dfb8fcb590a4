"""Accuracy at equal arena: what `--update auto` chooses beside the last layers.

    python -m benchmarks.budget_accuracy --models DIR --data DIR [--tasks fsdd:52k,vww:128k]
                                         [--seeds 0,1,2] [--epochs N] [--jobs 2]

Prints test accuracy in percent for each task and budget, mean over the seeds: of `auto` with
the training data, `auto` without, the deepest last:K that fits the budget, and last:1.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import converter
from benchmarks import arguments
from benchmarks.learning import TASKS
from converter.cli import parse_bytes
from converter.errors import ConverterError
from converter.passes.training_graph import Source, prepare
from tflm_training import Trainer

Arrays = dict[str, np.ndarray]
METHODS = ("auto with data", "auto", "deepest last:K", "last:1")
DEFAULT_TASKS = "fsdd:40k,fsdd:52k,kws:52k,vww:96k,vww:128k"
# Task -> (epochs, learning rate), the same for every scheme.
_TRAINING = {"fsdd": (3, 0.02), "kws": (5, 0.02), "vww": (2, 0.01)}


@dataclasses.dataclass(frozen=True)
class Run:
    """A task, a budget in bytes and one of METHODS."""

    task: str
    budget: int
    method: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """update: what was trained, in short; arena: bytes; before, after: accuracy in percent."""

    update: str
    arena: int
    before: float
    after: float


def _arrays(task: str, folder: Path) -> Arrays:
    with np.load(folder / f"{TASKS[task].data}.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    return {
        name: TASKS[task].transform(values) if name.startswith("x") else values
        for name, values in arrays.items()
    }


@functools.cache
def _converted(run: Run, models: Path, data: Path) -> converter.TrainingModel:
    task = TASKS[run.task]
    model = (models / f"{task.model}.tflite").read_bytes()
    convert = functools.partial(
        converter.convert, model, budget=run.budget, num_classes=task.num_classes
    )
    if run.method == "auto with data":
        arrays = _arrays(run.task, data)
        return convert(data=(arrays["x_train"], arrays["y_train"]))
    if run.method != "deepest last:K":
        return convert(update=run.method)
    best = convert(update="last:1")
    for count in range(2, len(prepare(Source(model, run.task)).layers) + 1):
        try:
            best = convert(update=f"last:{count}")
        except ConverterError:
            break
    return best


def train(run: Run, seed: int, epochs: int | None, models: Path, data: Path) -> Outcome:
    """One training of one scheme."""
    converted = _converted(run, models, data)
    arrays = _arrays(run.task, data)
    usual, learning_rate = _TRAINING[run.task]
    trainer = Trainer(converted.flatbuffer, seed=seed)
    test = arrays["x_test"], arrays["y_test"]
    before = trainer.evaluate(*test)["accuracy"]
    trainer.fit(
        arrays["x_train"], arrays["y_train"], epochs=epochs or usual, learning_rate=learning_rate
    )
    after = trainer.evaluate(*test)["accuracy"]
    scheme = converted.training.scheme.values()
    update = f"{sum(u.channels > 0 for u in scheme)} filters, {sum(u.bias for u in scheme)} biases"
    return Outcome(update, converted.arena.smallest_arena, 100 * before, 100 * after)


def _runs(tasks: str) -> list[Run]:
    runs = []
    for text in tasks.split(","):
        task, _, budget = text.partition(":")
        runs += [Run(task, parse_bytes(budget), method) for method in METHODS]
    return runs


def _print(outcomes: dict[Run, list[Outcome]]) -> None:
    table = Table(title="Test accuracy in percent at equal arena")
    for heading in ("task", "budget", "update", "trained", "arena", "before", "seeds", "mean"):
        table.add_column(heading)
    for run, found in outcomes.items():
        table.add_row(
            run.task,
            f"{run.budget:,}",
            run.method,
            found[0].update,
            f"{found[0].arena:,}",
            f"{found[0].before:.1f}",
            " ".join(f"{outcome.after:.1f}" for outcome in found),
            f"{np.mean([outcome.after for outcome in found]):.1f}",
            end_section=run.method == METHODS[-1],
        )
    Console(width=120).print(table)


def main() -> int:
    parser = arguments.parser(__doc__, needs_data=True)
    parser.add_argument("--tasks", default=DEFAULT_TASKS, help="task:budget, separated by commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, help="default: a few, by the task")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            run: [
                pool.submit(train, run, seed, options.epochs, options.models, options.data)
                for seed in seeds
            ]
            for run in _runs(options.tasks)
        }
        outcomes = {run: [future.result() for future in found] for run, found in futures.items()}
    _print(outcomes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
