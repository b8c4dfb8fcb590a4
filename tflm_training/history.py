"""What a run of training leaves behind, and what it tells while it runs."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class History:
    """The record of one `Trainer.fit`, as Keras keeps it.

    epoch: 0, 1, ...; history: one value an epoch for each of `loss` and `accuracy` (or
    `loss` alone for the mean squared error), and, with validation data, the same keys
    with `val_` before them. steps: samples trained on.
    """

    epoch: list[int] = dataclasses.field(default_factory=list)
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    steps: int = 0

    def append(self, values: dict[str, float]) -> None:
        """Close an epoch with its values."""
        self.epoch.append(len(self.epoch))
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state after one step (one sample), for a progress hook.

    loss and accuracy are means over the epoch so far; accuracy is None for the mean
    squared error. steps is the number of steps of the whole call.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float | None
