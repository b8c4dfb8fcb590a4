"""--save, --resume and --stop_after of the train command, and Ctrl-C between two steps."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from pathlib import Path
from types import FrameType, TracebackType

from tflm_training.commands import output
from tflm_training.data import DataError
from tflm_training.trainer import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, Trainer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to the train command."""
    parser.add_argument(
        "--save", type=Path, metavar="CHECKPOINT", help="write the trained weights there"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="CHECKPOINT",
        help="go on where it was saved; --epochs, --learning_rate and --seed are then its own",
    )
    parser.add_argument(
        "--stop_after",
        type=output.positive_int,
        metavar="N",
        help="do N steps, --save and leave the rest of the run to --resume",
    )


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raise DataError for options that cannot be followed, before any work."""
    if arguments.stop_after is not None and arguments.save is None:
        raise DataError("--stop_after: needs --save")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to pass to Trainer.fit. last_step None: to the end."""

    epochs: int
    learning_rate: float
    initial_step: int = 0
    last_step: int | None = None


def resume(arguments: argparse.Namespace, trainer: Trainer, samples: int) -> Plan:
    """Restore the checkpoint, if one is given, and plan the run.

    samples: of an epoch, replayed ones too. Raises DataError if there is nothing left to do, or
    if the data are not those of the checkpoint.
    """
    plan = Plan(
        DEFAULT_EPOCHS if arguments.epochs is None else arguments.epochs,
        DEFAULT_LEARNING_RATE if arguments.learning_rate is None else arguments.learning_rate,
        last_step=arguments.stop_after,
    )
    if arguments.resume is None:
        return plan
    trainer.restore(arguments.resume)
    run = trainer.run
    if run is None:
        return plan  # a device's checkpoint, or one from before the first step
    if arguments.seed is not None and arguments.seed != trainer.seed:
        raise DataError(f"--seed {arguments.seed}: {arguments.resume} has the seed {trainer.seed}")
    if run.samples != samples:
        raise DataError(
            f"{arguments.resume}: its run trains on {run.samples} samples an epoch, this one on "
            f"{samples}"
        )
    epochs = run.epochs if arguments.epochs is None else arguments.epochs
    if trainer.step >= epochs * samples:
        raise DataError(
            f"{arguments.resume}: its {run.epochs} epochs are done; a larger --epochs goes on"
        )
    return Plan(
        epochs,
        run.learning_rate if arguments.learning_rate is None else arguments.learning_rate,
        trainer.step,
        None if arguments.stop_after is None else trainer.step + arguments.stop_after,
    )


class Interrupted(Exception):  # noqa: N818 - no error, like KeyboardInterrupt
    """Ctrl-C was pressed, and no step is half done."""


class Interruption:
    """Holds the first Ctrl-C back until check() is called; the second acts at once."""

    def __init__(self) -> None:
        self._requested = False

    def __enter__(self) -> Interruption:
        self._handler = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
        signal.signal(signal.SIGINT, self._handler)

    def check(self) -> None:
        """Raise Interrupted if Ctrl-C was pressed. Called between two steps."""
        if self._requested:
            raise Interrupted
