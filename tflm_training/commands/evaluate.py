"""`python -m tflm_training eval`: test a flatbuffer as it shipped or as it was trained."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tflm_training.commands import output, progress
from tflm_training.data import DataError, class_names, limited, load_test_split
from tflm_training.files import write_file
from tflm_training.plots import confusion_matrix_image
from tflm_training.trainer import Trainer

_DESCRIPTION = """Test MODEL, with the weights of a checkpoint or those that it shipped with, on
x_test and y_test of FILE.npz. No weight changes. Arrays are taken as `train` takes them."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "eval", help="test a training flatbuffer", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="training flatbuffer (python -m converter)")
    parser.add_argument("--data", required=True, metavar="FILE.npz")
    parser.add_argument("--checkpoint", type=Path, help="trained weights (default: the shipped)")
    parser.add_argument(
        "--limit", type=output.positive_int, metavar="N", help="the first N samples only"
    )
    output.add_plot_argument(parser, "the confusion matrix")
    output.add_output_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Test, print and write the report. Raises DataError, RuntimeError or OSError."""
    output.check_outputs(arguments, "plot", "json")
    console = output.make_console(arguments)
    trainer = Trainer(arguments.model)
    if arguments.plot is not None and trainer.is_regression:
        raise DataError("--plot: a model with the mean squared error has no confusion matrix")
    x, y = load_test_split(arguments.data, labels_required=not trainer.is_regression)
    x, y = limited(x, y, arguments.limit)
    trainer.check_data(x, y, suffix="_test")
    names = [] if arguments.plot is None else class_names(arguments.data, trainer.classes)
    if arguments.checkpoint is not None:
        trainer.restore(arguments.checkpoint)
    if arguments.verbose:
        console.print(trainer.describe())
    with progress.make_bars(console) as bars:
        result = trainer.examine(x, y, progress=progress.test_hook(bars))
    metrics, matrix = result.metrics, result.confusion_matrix
    metric = progress.metric_name(trainer)
    console.print(f"{progress.show_metric(metric, metrics[metric])}, loss {metrics['loss']:.6g}")
    console.print(f"{len(x)} samples, {trainer.steps} training steps")
    if arguments.json is not None:
        report = {
            **metrics,
            "samples": len(x),
            "training_steps": trainer.steps,
            "confusion_matrix": None if matrix is None else matrix.tolist(),
        }
        output.write_json(arguments.json, report)
    if arguments.plot is not None and matrix is not None:
        title = str(arguments.checkpoint or arguments.model)
        image = confusion_matrix_image(title, matrix, names, arguments.plot.suffix[1:])
        write_file(arguments.plot, image)
