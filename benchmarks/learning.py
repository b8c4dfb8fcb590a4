"""Learning on real data in TFLM, beside fp32 SGD of the same layers.

    python -m benchmarks.learning --models DIR --data DIR [--tasks kws,fsdd,vww,resnet]
                                  [--updates last:4,all] [--weight_bits 8,16] [--seeds 0,1,2]
                                  [--json OUT.json]

Prints, for each task, update and width of the weights in training, test accuracy in percent
before and after, mean and spread over the seeds, the fp32 figure and the difference. fp32:
ordinary SGD at batch size 1, no momentum, no augmentation, batch normalisation folded,
learning rate tuned.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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
class Result:
    """Accuracies in percent, one entry a seed."""

    task: str
    update: str
    weight_bits: int
    before: float
    after: list[float]
    fp32: float


def _load(task: Task, folder: Path) -> Arrays:
    with np.load(folder / f"{task.data}.npz", allow_pickle=False) as file:
        names = ("x_train", "y_train", "x_test", "y_test")
        arrays = {name: file[name][: task.samples] for name in names}
    for name in ("x_train", "x_test"):
        arrays[name] = task.transform(arrays[name])
    return arrays


def run(
    name: str, update: str, weight_bits: int, seed: int, models: Path, data: Path
) -> tuple[float, float]:
    """One training. Returns test accuracy in percent before and after."""
    task = TASKS[name]
    arrays = _load(task, data)
    content = (models / f"{task.model}.tflite").read_bytes()
    converted = converter.convert(
        content, update=update, num_classes=task.num_classes, weight_bits=weight_bits
    )
    trainer = Trainer(converted.flatbuffer, seed=seed)
    before = trainer.evaluate(arrays["x_test"], arrays["y_test"])["accuracy"]
    trainer.fit(
        arrays["x_train"],
        arrays["y_train"],
        epochs=task.epochs[update],
        learning_rate=task.learning_rate[update],
    )
    after = trainer.evaluate(arrays["x_test"], arrays["y_test"])["accuracy"]
    return 100 * before, 100 * after


def _run_all(options: argparse.Namespace) -> list[Result]:
    seeds = [int(seed) for seed in options.seeds.split(",")]
    wanted = [
        (name, update, int(weight_bits))
        for name in options.tasks.split(",")
        for update in options.updates.split(",")
        for weight_bits in options.weight_bits.split(",")
        if update in TASKS[name].epochs
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            training: [
                pool.submit(run, *training, seed, options.models, options.data) for seed in seeds
            ]
            for training in wanted
        }
        results = []
        for training, runs in futures.items():
            figures = [future.result() for future in runs]
            fp32 = TASKS[training[0]].fp32[training[1]]
            results.append(Result(*training, figures[0][0], [a for _, a in figures], fp32))
    return results


def _print(results: list[Result]) -> None:
    table = Table(title="Test accuracy in percent: int8 training in TFLM beside fp32 SGD")
    for heading in (
        *("task", "update", "weight bits", "before"),
        *("after, each seed", "mean", "fp32", "difference"),
    ):
        table.add_column(heading)
    for result in results:
        mean = float(np.mean(result.after))
        table.add_row(
            TASKS[result.task].title,
            result.update,
            str(result.weight_bits),
            f"{result.before:.1f}",
            " ".join(f"{a:.1f}" for a in result.after),
            f"{mean:.1f}",
            f"{result.fp32:.1f}",
            f"{mean - result.fp32:+.1f}",
        )
    Console(width=140).print(table)


def main() -> int:
    parser = arguments.parser(__doc__, needs_data=True)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--updates", default="last:1,last:4,all")
    parser.add_argument("--weight_bits", default="8,16")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--json", type=Path, help="also write the results there")
    options = parser.parse_args()
    results = _run_all(options)
    _print(results)
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(r) for r in results], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
