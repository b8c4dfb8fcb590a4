"""What a checkpoint of the host holds besides the weights: where a run of `fit` stands.

It lies in the checkpoint's application data as JSON, so that a device restores the weights
of the same file without knowing of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tflm_training.arguments import non_negative, truth, whole_number
from tflm_training.data import DataError

_VERSION = 1
_KIND = "tflm_training run"


@dataclasses.dataclass(frozen=True)
class Run:
    """The arguments of one `Trainer.fit` that decide what each of its steps does.

    samples: of an epoch, replayed ones too; order: state of the generator of the samples' order
    at the run's start.
    """

    samples: int
    epochs: int
    learning_rate: float
    decay: str | None
    shuffle: bool
    order: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.samples * self.epochs

    def learning_rate_at(self, step: int) -> float:
        """For the step after `step` others."""
        share = 1.0 - step / self.steps if self.decay == "linear" else 1.0
        return self.learning_rate * share

    def continued(self, before: Run | None, reached: int, step: int) -> Run:
        """This run as the continuation of `before`, which has come to step `reached`, after
        `step`. Raises DataError if it is none."""
        if before is None or before.samples != self.samples or step != reached:
            found = "no run" if before is None else f"step {reached} over {before.samples} samples"
            raise DataError(
                f"initial_step {step} over {self.samples} samples: there is {found} to go on from"
            )
        if step > self.steps:
            raise DataError(f"initial_step {step}: the run has {self.steps} steps")
        return dataclasses.replace(self, order=before.order)


def make_run(
    samples: int,
    epochs: int,
    learning_rate: float,
    decay: str | None,
    shuffle: bool,
    order: Mapping[str, Any],
) -> Run:
    """A run of what a caller of `Trainer.fit` gave. Raises DataError for what makes none."""
    if decay is not None and (not isinstance(decay, str) or decay != "linear"):
        raise DataError(f"decay {decay!r}: must be 'linear' or None")
    return Run(
        samples,
        whole_number("epochs", epochs, 1),
        non_negative("learning_rate", learning_rate),
        decay,
        truth("shuffle", shuffle),
        order,
    )


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """seed: of the trainer; order: the present state of its generator; step: the last one done
    of `run`, which is None before the first `fit`."""

    seed: int
    order: Mapping[str, Any]
    step: int
    run: Run | None

    def pack(self) -> bytes:
        """As application data of a checkpoint."""
        content = {"kind": _KIND, "version": _VERSION, **dataclasses.asdict(self)}
        return json.dumps(content, separators=(",", ":")).encode()


def unpack_record(app_data: bytes) -> RunRecord | None:
    """The record in a checkpoint's application data; None if these are somebody else's.

    Raises DataError for a record that makes no run.
    """
    try:
        content = json.loads(app_data)
        if (content.pop("kind"), content.pop("version")) != (_KIND, _VERSION):
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    try:
        run = content.pop("run")
        record = RunRecord(run=None if run is None else Run(**run), **content)
        _check_record(record)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise DataError("its record of the run is damaged") from error
    return record


def _check_record(record: RunRecord) -> None:
    """Raises one of several errors."""
    run = record.run
    numbers = [(record.seed, 0), (record.step, 0)]
    numbers += [] if run is None else [(run.samples, 1), (run.epochs, 1)]
    if any(type(number) is not int or number < least for number, least in numbers):
        raise ValueError
    np.random.PCG64().state = record.order  # type: ignore[assignment]
    if run is not None:
        make_run(**vars(run))
        np.random.PCG64().state = run.order  # type: ignore[assignment]
        if type(run.shuffle) is not bool or record.step > run.steps:
            raise ValueError
