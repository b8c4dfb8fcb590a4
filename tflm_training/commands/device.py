"""`python -m tflm_training device`: train on a microcontroller, with samples from an .npz."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflm_training.callbacks import Callback
from tflm_training.commands import output, progress
from tflm_training.data import Samples, describe_tensor, limited, load_npz
from tflm_training.device import DEFAULT_BAUD_RATE, Device
from tflm_training.device_trainer import DeviceTrainer
from tflm_training.files import read_file
from tflm_training.trainer import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE

if TYPE_CHECKING:
    from rich.console import Console

_DESCRIPTION = """Train the model of a device that runs examples/stm32f746 on x_train and y_train,
and test it on x_test and y_test before and after. The device goes on from its present weights
unless --reset or --restore says otherwise. Data follows the rules of the train command."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "device", help="train on a microcontroller", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument(
        "--port",
        required=True,
        help="serial port such as /dev/ttyACM0, or socket://HOST:PORT",
    )
    parser.add_argument("--data", required=True, metavar="FILE.npz")
    parser.add_argument("--epochs", type=output.positive_int, default=DEFAULT_EPOCHS)
    parser.add_argument(
        "--learning_rate",
        type=output.non_negative_float,
        default=DEFAULT_LEARNING_RATE,
        help=f"at the first step; falls linearly to 0 (default: {DEFAULT_LEARNING_RATE})",
    )
    parser.add_argument(
        "--seed", type=output.non_negative_int, default=0, help="for the order of the samples"
    )
    parser.add_argument(
        "--limit", type=output.positive_int, metavar="N", help="the first N samples of each split"
    )
    parser.add_argument("--evaluate", action="store_true", help="test only, train nothing")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--reset", action="store_true", help="begin with the firmware's weights")
    start.add_argument("--restore", type=Path, metavar="CHECKPOINT", help="begin with these")
    parser.add_argument("--save", type=Path, metavar="CHECKPOINT", help="write the weights there")
    parser.add_argument("--baud_rate", type=output.positive_int, default=DEFAULT_BAUD_RATE)
    output.add_output_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, print and write. Raises DataError, DeviceError or OSError."""
    output.check_outputs(arguments, "save", "json")
    console = output.make_console(arguments)
    if arguments.restore is not None:
        read_file(arguments.restore)  # before the device is bothered
    dataset = load_npz(arguments.data, labels_required=False)
    train = limited(dataset.x_train, dataset.y_train, arguments.limit)
    test = limited(dataset.x_test, dataset.y_test, arguments.limit)
    with Device(arguments.port, arguments.baud_rate) as device:
        trainer = DeviceTrainer(device, seed=arguments.seed)
        trainer.check_data(*test, suffix="_test")
        if not arguments.evaluate:
            trainer.check_data(*train, suffix="_train")
        if arguments.verbose:
            _describe(console, device)
        if arguments.reset:
            trainer.reset()
        if arguments.restore is not None:
            trainer.restore(arguments.restore)
            console.print(f"restored: {arguments.restore}")
        report = _train_and_test(arguments, console, trainer, train, test)
        report["arena_used_bytes"] = device.info.arena_used_bytes
        if arguments.save is not None:
            with progress.make_bars(console) as bars:
                show = progress.bytes_hook(bars, "checkpoint")
                trainer.save(arguments.save, arguments.overwrite, show)
            console.print(f"wrote {arguments.save}")
        if device.retries:
            console.print(f"sent again after errors on the line: {device.retries} requests")
    if arguments.json is not None:
        output.write_json(arguments.json, report)


def _train_and_test(
    arguments: argparse.Namespace,
    console: Console,
    trainer: DeviceTrainer,
    train: Samples,
    test: Samples,
) -> dict[str, Any]:
    """What the report says of it: the metric before and after, the loss of each epoch."""
    metric = progress.metric_name(trainer)
    with progress.make_bars(console) as bars:
        before = trainer.evaluate(*test, progress=progress.test_hook(bars))[metric]
        if arguments.evaluate:
            console.print(progress.show_metric(metric, before))
            return {metric: before}
        console.print(f"before: {progress.show_metric(metric, before)}")
        timing = _Timing(trainer)
        history = trainer.fit(
            *train,
            epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            callbacks=[timing, progress.TrainingProgress(bars, console)],
        )
        after = trainer.evaluate(*test, progress=progress.test_hook(bars))[metric]
    console.print(f"after: {progress.show_metric(metric, after)}")
    ticks = round(sum(timing.ticks) / len(timing.ticks))
    console.print(_ticks_line(ticks, trainer.ticks_per_second))
    return {
        f"{metric}_before": before,
        f"{metric}_after": after,
        "loss": history.history["loss"],
        "steps": history.steps,
        "ticks_per_step": ticks,
        "ticks_per_second": trainer.ticks_per_second,
    }


class _Timing(Callback):
    """What each training step took by the device's counter."""

    def __init__(self, trainer: DeviceTrainer) -> None:
        self._trainer = trainer
        self.ticks: list[int] = []

    def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
        self.ticks.append(self._trainer.last_step_ticks)


def _ticks_line(ticks: int, per_second: int) -> str:
    """What a step takes by the device's own counter, whose ticks are a Cortex-M's cycles."""
    milliseconds = 1000 * ticks / per_second
    return f"a step: {ticks:,} ticks of {per_second / 1e6:g} MHz, {milliseconds:.3g} ms"


def _describe(console: Console, device: Device) -> None:
    info = device.info
    for tensor in (info.input, info.output):
        console.print(f"{tensor.name}: {describe_tensor(tensor)}")
    console.print(f"arena: {info.arena_used_bytes} of {info.arena_bytes} bytes")
    if info.stack_bytes:
        console.print(f"stack: {info.stack_used_bytes} of {info.stack_bytes} bytes")
    console.print(f"checkpoint: {info.checkpoint_bytes} bytes, {info.steps} steps")
