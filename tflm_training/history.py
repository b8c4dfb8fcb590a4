"""What training leaves behind, and what testing tells while it runs."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class History:
    """The record of one `Trainer.fit`, as Keras keeps it.

    epoch: 0, 1, ..., a continued run from the epoch that it goes on with; history: one value
    an epoch for each of `loss` and `accuracy` (or `loss` alone for the mean squared error),
    and, with validation data, the same keys with `val_` before them. An epoch that was
    continued or stopped half-way has the values of the steps that were done. steps: samples
    trained on.

    Example:

        >>> history = History()
        >>> history.append(0, {"loss": 1.5, "accuracy": 0.5})
        >>> history.append(1, {"loss": 0.5, "accuracy": 1.0})
        >>> history.epoch, history.history["loss"]
        ([0, 1], [1.5, 0.5])
    """

    epoch: list[int] = dataclasses.field(default_factory=list)
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    steps: int = 0

    def append(self, epoch: int, values: dict[str, float]) -> None:
        """Close an epoch with its values."""
        self.epoch.append(epoch)
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state after one sample of `Trainer.evaluate`, for its progress hook.

    loss and accuracy are means so far; accuracy is None for the mean squared error. steps is
    the number of samples of the whole call.
    """

    step: int
    steps: int
    loss: float
    accuracy: float | None


class Running:
    """Means over an epoch or a test, or as much of it as there was."""

    def __init__(self, is_regression: bool) -> None:
        self._is_regression = is_regression
        self._samples = 0
        self._loss = 0.0
        self._correct = 0

    def add(self, loss: float, correct: bool) -> None:
        self._samples += 1
        self._loss += loss
        self._correct += correct

    def values(self) -> dict[str, float]:
        values = {"loss": self._loss / self._samples}
        if not self._is_regression:
            values["accuracy"] = self._correct / self._samples
        return values
