"""Learning on real data in TFLM, beside fp32 SGD of the same layers.

    python -m benchmarks.learning --models DIR --data DIR [--tasks kws,fsdd,vww,resnet]
                                  [--updates last:4,all] [--weight_bits 8,16] [--seeds 0,1,2]
                                  [--accumulate 1,4,8] [--rate_factors 1,2,4] [--json OUT.json]

Prints, for each task, update, width of the weights in training and number of samples whose
gradients make one update, test accuracy in percent before and after, mean and spread over the
seeds, the fp32 figure and the difference. fp32: ordinary SGD at batch size 1, no momentum, no
augmentation, batch normalisation folded, learning rate tuned. With several --rate_factors the
task's learning rate is multiplied by each, and the row is that with the best mean.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import converter
from benchmarks import arguments
from tflm_training import Trainer

Arrays = dict[str, np.ndarray]


def _reversed_in_time(x: np.ndarray) -> np.ndarray:
    return x[:, ::-1]


def _inverted(x: np.ndarray) -> np.ndarray:
    return 255 - x


def _unchanged(x: np.ndarray) -> np.ndarray:
    return x


@dataclasses.dataclass(frozen=True)
class Task:
    """A model, data that it was not trained for, and what fp32 SGD reaches on it.

    fp32: update -> test accuracy in percent; epochs, learning_rate: likewise per update.
    """

    title: str
    model: str
    data: str
    transform: Callable[[np.ndarray], np.ndarray]
    epochs: dict[str, int]
    learning_rate: dict[str, float]
    fp32: dict[str, float]
    num_classes: int | None = None
    samples: int | None = None


TASKS = {
    "kws": Task(
        "kws_ref_model, kws01 reversed in time",
        "kws_ref_model",
        "kws01",
        _reversed_in_time,
        {"last:1": 10, "last:4": 10, "all": 10},
        {"last:1": 0.03, "last:4": 0.03, "all": 0.012},
        {"last:1": 70.2, "last:4": 78.7, "all": 78.3},
    ),
    "fsdd": Task(
        "kws_ref_model, 10 new classes, fsdd_mfcc",
        "kws_ref_model",
        "fsdd_mfcc",
        _unchanged,
        {"last:1": 8, "last:4": 8, "all": 8},
        {"last:1": 0.1, "last:4": 0.02, "all": 0.012},
        {"last:1": 93.3, "last:4": 98.8, "all": 98.8},
        num_classes=10,
    ),
    "vww": Task(
        "vww_96_int8, person96",
        "vww_96_int8",
        "person96",
        _unchanged,
        {"last:1": 8, "last:4": 8, "all": 6},
        {"last:1": 0.01, "last:4": 0.015, "all": 0.006},
        {"last:1": 85.3, "last:4": 89.3, "all": 96.7},
    ),
    "resnet": Task(
        "pretrainedResnet_quant, colour-inverted cifar10",
        "pretrainedResnet_quant",
        "cifar10",
        _inverted,
        {"last:1": 10, "last:4": 10},
        {"last:1": 0.05, "last:4": 0.0005},
        {"last:1": 55.8, "last:4": 61.6},
        samples=1000,
    ),
}


@dataclasses.dataclass(frozen=True)
class Training:
    """A way to train. accumulate: samples for one update; rate_factor: times the task's rate."""

    task: str
    update: str
    weight_bits: int
    accumulate: int
    rate_factor: float

    @property
    def learning_rate(self) -> float:
        return TASKS[self.task].learning_rate[self.update] * self.rate_factor


@dataclasses.dataclass(frozen=True)
class Result:
    """Accuracies in percent, one entry a seed."""

    training: Training
    before: float
    after: list[float]
    fp32: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.after))


def _load(task: Task, folder: Path) -> Arrays:
    with np.load(folder / f"{task.data}.npz", allow_pickle=False) as file:
        names = ("x_train", "y_train", "x_test", "y_test")
        arrays = {name: file[name][: task.samples] for name in names}
    for name in ("x_train", "x_test"):
        arrays[name] = task.transform(arrays[name])
    return arrays


def run(training: Training, seed: int, models: Path, data: Path) -> tuple[float, float]:
    """One training. Returns test accuracy in percent before and after."""
    task = TASKS[training.task]
    arrays = _load(task, data)
    content = (models / f"{task.model}.tflite").read_bytes()
    converted = converter.convert(
        content,
        update=training.update,
        num_classes=task.num_classes,
        weight_bits=training.weight_bits,
        accumulate=training.accumulate,
    )
    trainer = Trainer(converted.flatbuffer, seed=seed)
    before = trainer.evaluate(arrays["x_test"], arrays["y_test"])["accuracy"]
    trainer.fit(
        arrays["x_train"],
        arrays["y_train"],
        epochs=task.epochs[training.update],
        learning_rate=training.learning_rate,
    )
    after = trainer.evaluate(arrays["x_test"], arrays["y_test"])["accuracy"]
    return 100 * before, 100 * after


def _run_all(options: argparse.Namespace) -> list[list[Result]]:
    """For each row of the table its results, one for each factor of the learning rate."""
    seeds = [int(seed) for seed in options.seeds.split(",")]
    wanted = [
        [
            Training(name, update, int(weight_bits), int(accumulate), float(factor))
            for factor in options.rate_factors.split(",")
        ]
        for name in options.tasks.split(",")
        for update in options.updates.split(",")
        for weight_bits in options.weight_bits.split(",")
        for accumulate in options.accumulate.split(",")
        if update in TASKS[name].epochs
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            training: [
                pool.submit(run, training, seed, options.models, options.data) for seed in seeds
            ]
            for row in wanted
            for training in row
        }
        return [[_result(training, futures[training]) for training in row] for row in wanted]


def _result(training: Training, runs: Sequence[Future[tuple[float, float]]]) -> Result:
    figures = [future.result() for future in runs]
    fp32 = TASKS[training.task].fp32[training.update]
    return Result(training, figures[0][0], [after for _, after in figures], fp32)


def _print(results: list[Result]) -> None:
    table = Table(title="Test accuracy in percent: int8 training in TFLM beside fp32 SGD")
    for heading in (
        *("task", "update", "weight bits", "samples per update", "learning rate", "before"),
        *("after, each seed", "mean", "fp32", "difference"),
    ):
        table.add_column(heading)
    for result in results:
        training = result.training
        table.add_row(
            TASKS[training.task].title,
            training.update,
            str(training.weight_bits),
            str(training.accumulate),
            f"{training.learning_rate:g}",
            f"{result.before:.1f}",
            " ".join(f"{a:.1f}" for a in result.after),
            f"{result.mean:.1f}",
            f"{result.fp32:.1f}",
            f"{result.mean - result.fp32:+.1f}",
        )
    Console(width=140).print(table)


def main() -> int:
    parser = arguments.parser(__doc__, needs_data=True)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--updates", default="last:1,last:4,all")
    parser.add_argument("--weight_bits", default="8,16")
    parser.add_argument("--accumulate", default="1", help="samples for one update")
    parser.add_argument("--rate_factors", default="1", help="of the learning rates to try")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--json", type=Path, help="also write the results there")
    options = parser.parse_args()
    rows = _run_all(options)
    _print([max(row, key=lambda result: result.mean) for row in rows])
    if options.json:
        results = [dataclasses.asdict(result) for row in rows for result in row]
        options.json.write_text(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
