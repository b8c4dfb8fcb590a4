"""What is told of a run of training while it goes on, as in Keras, and may end it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tflm_training.data import DataError
from tflm_training.files import check_writable

if TYPE_CHECKING:
    from tflm_training.trainer import Trainer


class Callback:
    """The base class of what `Trainer.fit(..., callbacks=[...])` takes; override what you need.

    `trainer` is the one that trains. `trainer.stop_training = True` ends the run after the
    present epoch. A method may evaluate, predict and save with it; it must not fit or reset, and
    restore only in `on_train_end`. What it raises ends the run at once.

    logs: `loss` and `accuracy` (for the mean squared error `loss` alone), means over the epoch
    so far; at the end of an epoch with validation data the `val_` values too.

    Example:

        >>> class Print(Callback):
        ...     def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        ...         print(epoch, sorted(logs), self.trainer.step)
        >>> history = Trainer(flatbuffer).fit(x, y, epochs=2, callbacks=[Print()])
        0 ['accuracy', 'loss'] 120
        1 ['accuracy', 'loss'] 240
    """

    trainer: Trainer

    def set_trainer(self, trainer: Trainer) -> None:
        """Called first of all."""
        self.trainer = trainer

    def on_train_begin(self) -> None:
        """Called before the first step; `trainer.run` is the run, `trainer.step` its start."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Called before the first step of the epoch 0, 1, ... that is done in this call."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Called after the last one, also where `last_step` cuts the epoch short."""

    def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
        """Called after each step (one sample); step: 1, 2, ... over the whole run."""

    def on_train_end(self) -> None:
        """Called after everything else, unless an exception ended the run."""


class CallbackList(Callback):
    """Several callbacks as one, told in their order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def set_trainer(self, trainer: Trainer) -> None:
        for callback in self._callbacks:
            callback.set_trainer(trainer)

    def on_train_begin(self) -> None:
        for callback in self._callbacks:
            callback.on_train_begin()

    def on_epoch_begin(self, epoch: int) -> None:
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_end(self, step: int, logs: dict[str, float]) -> None:
        for callback in self._callbacks:
            callback.on_train_batch_end(step, logs)

    def on_train_end(self) -> None:
        for callback in self._callbacks:
            callback.on_train_end()


class _Best:
    """The best value so far of one of the logs; an accuracy is better when it is larger."""

    def __init__(self, monitor: str, min_delta: float = 0.0) -> None:
        self._monitor = monitor
        self._sign = 1.0 if monitor.endswith("accuracy") else -1.0
        self._min_delta = min_delta
        self._value = -math.inf

    def improves(self, logs: dict[str, float]) -> bool:
        """Whether the logs are better by more than min_delta; they are the best then."""
        if self._monitor not in logs:
            raise DataError(f"monitor {self._monitor!r}: the run has {', '.join(sorted(logs))}")
        value = self._sign * logs[self._monitor]
        if not value - self._value > self._min_delta:  # not for NaN either
            return False
        self._value = value
        return True


class EarlyStopping(Callback):
    """Ends the run when a value has not become better for `patience` epochs.

    monitor: one of the logs; `val_` values need validation data. min_delta: what is better by
    this or less is not better. restore_best_weights: leave the trainer as it was after its best
    epoch, weights, generators and `step`; on a device the weights and its generator alone.
    The best checkpoint is held in memory: about the bytes of the trained weights.

    Example, with data that are easily learned:

        >>> stop = EarlyStopping("val_accuracy", patience=2, restore_best_weights=True)
        >>> trainer = Trainer(flatbuffer)
        >>> history = trainer.fit(
        ...     x, y, epochs=50, learning_rate=0.05, validation_data=(x, y), callbacks=[stop]
        ... )
        >>> accuracies = history.history["val_accuracy"]
        >>> len(accuracies) < 50, trainer.evaluate(x, y)["accuracy"] == max(accuracies)
        (True, True)

    Raises DataError for a negative patience or min_delta, and in the first epoch if the run has
    no such value.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 0,
        min_delta: float = 0.0,
        restore_best_weights: bool = False,
    ) -> None:
        if patience < 0:
            raise DataError(f"patience {patience}: must be 0 or larger")
        if not min_delta >= 0.0:
            raise DataError(f"min_delta {min_delta}: must be 0 or larger")
        self._monitor = monitor
        self._patience = patience
        self._min_delta = min_delta
        self._restores = restore_best_weights

    def on_train_begin(self) -> None:
        self._best = _Best(self._monitor, self._min_delta)
        self._best_checkpoint: bytes | None = None
        self._waited = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self._best.improves(logs):
            self._waited = 0
            if self._restores:
                self._best_checkpoint = self.trainer.checkpoint()
            return
        self._waited += 1
        if self._waited >= self._patience:
            self.trainer.stop_training = True

    def on_train_end(self) -> None:
        if self._best_checkpoint is not None:
            self.trainer.restore(self._best_checkpoint)


class _AnyFormat(float):
    """A number that may be shown in any way."""

    def __format__(self, specification: str) -> str:
        return ""


class _AnyLog(dict[str, float]):
    """What a run may have: a float for each metric, and what other callbacks add to its logs."""

    def __missing__(self, key: str) -> float:
        return 0.0 if key.removeprefix("val_") in ("loss", "accuracy", "mse") else _AnyFormat()


class ModelCheckpoint(Callback):
    """Writes a checkpoint after each epoch, for `Trainer.restore`, devices and --resume.

    path: may name values of the epoch, counted from 1, as in "run_{epoch:02d}_{loss:.3f}.ckpt".
    save_best_only: only after an epoch in which `monitor` is better than in all before, in
    earlier runs with this callback too. overwrite: replace files that were there before; its
    own it always replaces.

    Example:

        >>> save = ModelCheckpoint(folder / "best.ckpt", "accuracy", save_best_only=True)
        >>> history = Trainer(flatbuffer).fit(x, y, epochs=2, callbacks=[save])
        >>> (folder / "best.ckpt").exists()
        True

    Raises DataError and OSError as `Trainer.save` does, for a plain path before the first step.
    Values that cannot be shown as the path says are found then too, those that the run has not
    after its first epoch.
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_loss",
        *,
        save_best_only: bool = False,
        overwrite: bool = False,
    ) -> None:
        self._path = str(path)
        self._best = _Best(monitor) if save_best_only else None
        self._overwrite = overwrite
        self._written: set[Path] = set()

    def on_train_begin(self) -> None:
        if "{" not in self._path:
            path = Path(self._path)
            check_writable(path, self._may_replace(path))
        else:
            self._path_of(_AnyLog(epoch=1))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self._best is not None and not self._best.improves(logs):
            return
        path = self._path_of({"epoch": epoch + 1, **logs})
        self.trainer.save(path, overwrite=self._may_replace(path))
        self._written.add(path)

    def _path_of(self, values: dict[str, float]) -> Path:
        try:
            return Path(self._path.format_map(values))
        except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            raise DataError(f"{self._path}: {error!r}, the run has {', '.join(values)}") from error

    def _may_replace(self, path: Path) -> bool:
        return self._overwrite or path in self._written
