"""`python -m tflm_training train`: train a training flatbuffer on the arrays of an .npz."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_training.commands import output, progress
from tflm_training.data import DataSet, load_npz
from tflm_training.history import Progress
from tflm_training.trainer import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, Trainer

if TYPE_CHECKING:
    from rich.console import Console

_DESCRIPTION = """Train MODEL on x_train and y_train, and test it on x_test and y_test before and
after. int8 arrays are taken as quantised, float arrays are quantised, uint8 images are shifted
to int8. Labels are class indices; a model with the mean squared error takes targets, or
without them its own input."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train", help="train a training flatbuffer", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="training flatbuffer (python -m converter)")
    parser.add_argument("--data", required=True, metavar="FILE.npz")
    parser.add_argument("--epochs", type=output.positive_int, default=DEFAULT_EPOCHS)
    parser.add_argument(
        "--learning_rate",
        type=output.non_negative_float,
        default=DEFAULT_LEARNING_RATE,
        help=f"at the first step; falls linearly to 0 (default: {DEFAULT_LEARNING_RATE})",
    )
    parser.add_argument("--seed", type=output.non_negative_int, default=0)
    parser.add_argument(
        "--limit", type=output.positive_int, metavar="N", help="the first N samples of each split"
    )
    parser.add_argument(
        "--arena_bytes", type=output.positive_int, help="default: as much as the model needs"
    )
    output.add_output_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, print and write the report. Raises DataError, RuntimeError or OSError."""
    output.check_writable(arguments.json, arguments.overwrite)
    console = output.make_console(arguments)
    trainer = Trainer(arguments.model, seed=arguments.seed, arena_bytes=arguments.arena_bytes)
    dataset = load_npz(arguments.data, labels_required=not trainer.is_regression)
    train = dataset.x_train[: arguments.limit], _first(dataset.y_train, arguments.limit)
    test = dataset.x_test[: arguments.limit], _first(dataset.y_test, arguments.limit)
    trainer.check_data(*train, suffix="_train")
    trainer.check_data(*test, suffix="_test")
    if arguments.verbose:
        _describe(console, trainer, dataset)
    metric = "mse" if trainer.is_regression else "accuracy"

    with progress.make_bars(console) as bars:
        before = trainer.evaluate(*test, progress=progress.step_hook(bars, "test"))[metric]
        console.print(f"before: {progress.show_metric(metric, before)}")
        show = progress.step_hook(bars, "train")

        def on_step(state: Progress) -> None:
            show(state)
            if state.step % len(train[0]) == 0:
                console.print(progress.epoch_line(state, arguments.epochs))

        history = trainer.fit(
            *train,
            epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            progress=on_step,
        )
        after = trainer.evaluate(*test, progress=progress.step_hook(bars, "test"))[metric]
    console.print(f"after: {progress.show_metric(metric, after)}")
    console.print(f"arena: {trainer.arena_used_bytes} bytes on this host")
    if arguments.json is not None:
        accuracy = (None, None) if trainer.is_regression else (before, after)
        error = (before, after) if trainer.is_regression else (None, None)
        report = {
            "accuracy_before": accuracy[0],
            "accuracy_after": accuracy[1],
            "error_before": error[0],
            "error_after": error[1],
            "loss": history.history["loss"],
            "steps": history.steps,
            "arena_used_bytes": trainer.arena_used_bytes,
        }
        output.write_json(arguments.json, report)


def _first(values: np.ndarray | None, limit: int | None) -> np.ndarray | None:
    return None if values is None else values[:limit]


def _describe(console: Console, trainer: Trainer, dataset: DataSet) -> None:
    console.print(trainer.describe())
    console.print(f"x_train: {dataset.x_train.dtype} {list(dataset.x_train.shape)}")
    console.print(f"x_test: {dataset.x_test.dtype} {list(dataset.x_test.shape)}")
