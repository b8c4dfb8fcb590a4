"""`python -m tflm_training train`: train a training flatbuffer on the arrays of an .npz."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_training.callbacks import Callback
from tflm_training.commands import checkpoints, output, progress
from tflm_training.commands.checkpoints import Interrupted, Interruption, Plan
from tflm_training.data import DataError, DataSet, Samples, class_names, limited, load_npz
from tflm_training.evaluation import ProgressHook
from tflm_training.files import write_file
from tflm_training.history import Progress
from tflm_training.plots import LearningCurves, training_image
from tflm_training.replay import replayed_indices
from tflm_training.trainer import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, Trainer

if TYPE_CHECKING:
    from rich.console import Console

_DESCRIPTION = """Train MODEL on x_train and y_train, and test it on x_test and y_test before and
after. int8 arrays are taken as quantised, float arrays are quantised, uint8 images are shifted
to int8. Labels are class indices; a model with the mean squared error takes targets, or
without them its own input."""


@dataclasses.dataclass(frozen=True)
class _Job:
    """per_epoch: steps of an epoch, with the replayed samples; between_steps: called there, in
    training and in testing, and may raise; when_trained: called before the last test."""

    train: Samples
    test: Samples
    replay: Samples | None
    per_epoch: int
    plan: Plan
    between_steps: Callable[[], None] = lambda: None
    when_trained: Callable[[], None] = lambda: None


@dataclasses.dataclass(frozen=True)
class _Result:
    curves: LearningCurves
    confusion_matrix: np.ndarray | None


class _BetweenSteps(Callback):
    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
        self._act()


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train", help="train a training flatbuffer", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="training flatbuffer (python -m converter)")
    parser.add_argument("--data", required=True, metavar="FILE.npz")
    parser.add_argument(
        "--epochs", type=output.positive_int, help=f"of the whole run (default: {DEFAULT_EPOCHS})"
    )
    parser.add_argument(
        "--learning_rate",
        type=output.non_negative_float,
        help=f"at the first step; falls linearly to 0 (default: {DEFAULT_LEARNING_RATE})",
    )
    parser.add_argument("--seed", type=output.non_negative_int, help="default: 0")
    parser.add_argument(
        "--limit", type=output.positive_int, metavar="N", help="the first N samples of each split"
    )
    parser.add_argument(
        "--arena_bytes", type=output.positive_int, help="default: as much as the model needs"
    )
    parser.add_argument(
        "--replay",
        type=output.positive_int,
        metavar="N",
        help="train on a sample seen before after each new one, of N that were kept",
    )
    parser.add_argument(
        "--replay_data", metavar="FILE.npz", help="where these come from: its x_train and y_train"
    )
    checkpoints.add_arguments(parser)
    output.add_plot_argument(parser, "loss and accuracy by epoch and the confusion matrix")
    output.add_output_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, print, save and write the report. Raises DataError, RuntimeError, OSError, or
    KeyboardInterrupt with the name of what was saved."""
    output.check_outputs(arguments, "save", "plot", "json")
    checkpoints.check_arguments(arguments)
    console = output.make_console(arguments)
    trainer = Trainer(arguments.model, seed=arguments.seed or 0, arena_bytes=arguments.arena_bytes)
    dataset = load_npz(arguments.data, labels_required=not trainer.is_regression)
    train = limited(dataset.x_train, dataset.y_train, arguments.limit)
    test = limited(dataset.x_test, dataset.y_test, arguments.limit)
    trainer.check_data(*train, suffix="_train")
    trainer.check_data(*test, suffix="_test")
    replay = _replayed(arguments, trainer)
    per_epoch = len(train[0]) * (1 if replay is None else 2)
    plan = checkpoints.resume(arguments, trainer, per_epoch)
    job = _Job(train, test, replay, per_epoch, plan)
    if arguments.verbose:
        _describe(console, trainer, dataset)
    names = []
    if arguments.plot is not None and not trainer.is_regression:
        names = class_names(arguments.data, trainer.classes)
    if arguments.save is None:
        result = _train(console, trainer, job)
    else:
        result = _train_and_save(console, trainer, job, arguments.save)
    console.print(f"arena: {trainer.arena_used_bytes} bytes on this host")
    if arguments.json is not None:
        output.write_json(arguments.json, _report(trainer, result))
    if arguments.plot is not None:
        image = training_image(
            str(arguments.model),
            result.curves,
            result.confusion_matrix,
            names,
            arguments.plot.suffix[1:],
        )
        write_file(arguments.plot, image)


def _train_and_save(console: Console, trainer: Trainer, job: _Job, path: Path) -> _Result:
    def save() -> None:
        trainer.save(path, overwrite=True)  # what may be replaced was asked before
        console.print(f"saved: {path}, step {trainer.step} of {job.plan.epochs * job.per_epoch}")

    with Interruption() as interruption:
        try:
            watched = dataclasses.replace(job, between_steps=interruption.check, when_trained=save)
            return _train(console, trainer, watched)
        except Interrupted:
            trainer.save(path, overwrite=True)
            rest = f"step {trainer.step} was saved; --resume {path} goes on"
            if trainer.step >= job.plan.epochs * job.per_epoch:
                rest = f"training is done and saved; eval --checkpoint {path} tests it"
            raise KeyboardInterrupt(rest) from None


def _train(console: Console, trainer: Trainer, job: _Job) -> _Result:
    """Test, train, test."""
    metric = progress.metric_name(trainer)
    with progress.make_bars(console) as bars:

        def test_hook() -> ProgressHook:
            show = progress.test_hook(bars)

            def on_sample(state: Progress) -> None:
                show(state)
                job.between_steps()

            return on_sample

        before = trainer.evaluate(*job.test, progress=test_hook())
        console.print(f"before: {progress.show_metric(metric, before[metric])}")
        history = trainer.fit(
            *job.train,
            **dataclasses.asdict(job.plan),
            replay=job.replay,
            callbacks=[progress.TrainingProgress(bars, console), _BetweenSteps(job.between_steps)],
        )
        job.when_trained()
        after = trainer.examine(*job.test, progress=test_hook())
    console.print(f"after: {progress.show_metric(metric, after.metrics[metric])}")
    return _Result(LearningCurves(history, before, after.metrics), after.confusion_matrix)


def _report(trainer: Trainer, result: _Result) -> dict[str, Any]:
    curves, matrix = result.curves, result.confusion_matrix
    return {
        "accuracy_before": curves.before.get("accuracy"),
        "accuracy_after": curves.after.get("accuracy"),
        "error_before": curves.before.get("mse"),
        "error_after": curves.after.get("mse"),
        "loss": curves.history.history["loss"],
        "steps": curves.history.steps,
        "arena_used_bytes": trainer.arena_used_bytes,
        "confusion_matrix": None if matrix is None else matrix.tolist(),
    }


def _replayed(arguments: argparse.Namespace, trainer: Trainer) -> Samples | None:
    """The samples of --replay_data that --replay keeps."""
    if arguments.replay is None and arguments.replay_data is None:
        return None
    if arguments.replay is None or arguments.replay_data is None:
        raise DataError("--replay and --replay_data: the one needs the other")
    dataset = load_npz(arguments.replay_data, labels_required=not trainer.is_regression)
    x, y = dataset.x_train, dataset.y_train
    trainer.check_data(x, y, suffix="_train of --replay_data")
    labels = np.zeros(len(x), np.int32) if trainer.is_regression or y is None else y
    kept = replayed_indices(labels, arguments.replay, trainer.seed)
    return x[kept], None if y is None else y[kept]


def _describe(console: Console, trainer: Trainer, dataset: DataSet) -> None:
    console.print(trainer.describe())
    console.print(f"x_train: {dataset.x_train.dtype} {list(dataset.x_train.shape)}")
    console.print(f"x_test: {dataset.x_test.dtype} {list(dataset.x_test.shape)}")
