"""Callbacks: they are told of a run in order, may end it, and change no bit of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflm_training import Callback, DataError, EarlyStopping, History, ModelCheckpoint, Trainer

Samples = tuple[np.ndarray, np.ndarray]
Logs = dict[str, float]


class _Recorder(Callback):
    """What it was told, in order; `stops_in` is the epoch in which it ends the run."""

    def __init__(self, stops_in: int | None = None) -> None:
        self.events: list[tuple[object, ...]] = []
        self.logs: list[Logs] = []
        self._stops_in = stops_in

    def set_trainer(self, trainer: Trainer) -> None:
        super().set_trainer(trainer)
        self.events.append(("trainer",))

    def on_train_begin(self) -> None:
        self.events.append(("begin", self.trainer.step))

    def on_epoch_begin(self, epoch: int) -> None:
        self.events.append(("epoch", epoch))
        self.trainer.stop_training = epoch == self._stops_in

    def on_train_batch_end(self, step: int, logs: Logs) -> None:
        assert step == self.trainer.step
        self.events.append(("step", step))
        self.logs.append(logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.events.append(("epoch end", epoch))
        self.logs.append(logs)

    def on_train_end(self) -> None:
        self.events.append(("end",))


class _Scripted(Callback):
    """Replaces what the run reached, before the callbacks behind it see it."""

    def __init__(self, key: str, values: list[float]) -> None:
        self._key, self._values = key, values

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs[self._key] = self._values[epoch]


def _weights(trainer: Trainer) -> bytes:
    return b"".join(values.tobytes() for values in trainer.variables().values())


def _after_epochs(classifier: bytes, samples: Samples, epochs: int, done: int) -> bytes:
    """The weights of a run of `epochs` after `done` of them."""
    trainer = Trainer(classifier)
    trainer.fit(*samples, epochs=epochs, learning_rate=0.05, last_step=done * len(samples[0]))
    return _weights(trainer)


def test_the_order_of_what_is_told(classifier: bytes, samples: Samples) -> None:
    x, y = samples[0][:2], samples[1][:2]
    recorder = _Recorder()
    history = Trainer(classifier).fit(x, y, epochs=2, validation_data=(x, y), callbacks=[recorder])
    assert recorder.events == [
        *(("trainer",), ("begin", 0)),
        *(("epoch", 0), ("step", 1), ("step", 2), ("epoch end", 0)),
        *(("epoch", 1), ("step", 3), ("step", 4), ("epoch end", 1)),
        ("end",),
    ]
    for epoch, (first, last, whole) in enumerate((recorder.logs[:3], recorder.logs[3:])):
        assert set(first) == set(last) == {"loss", "accuracy"}
        assert whole == {key: values[epoch] for key, values in history.history.items()}
        assert {key: whole[key] for key in last} == last
        assert set(whole) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_a_part_of_a_run(classifier: bytes, samples: Samples) -> None:
    x, y = samples[0][:2], samples[1][:2]
    trainer, recorder = Trainer(classifier), _Recorder()
    trainer.fit(x, y, epochs=3, last_step=3, callbacks=[recorder])
    assert recorder.events[2:] == [
        *(("epoch", 0), ("step", 1), ("step", 2), ("epoch end", 0)),
        *(("epoch", 1), ("step", 3), ("epoch end", 1)),
        ("end",),
    ]
    recorder = _Recorder()
    trainer.fit(x, y, epochs=3, initial_step=3, callbacks=[recorder])
    assert recorder.events[1:6] == [
        *(("begin", 3), ("epoch", 1), ("step", 4), ("epoch end", 1), ("epoch", 2)),
    ]


def test_stop_training_ends_the_run_after_the_epoch(classifier: bytes, samples: Samples) -> None:
    trainer, recorder = Trainer(classifier), _Recorder(stops_in=1)
    history = trainer.fit(*samples, epochs=4, learning_rate=0.05, callbacks=[recorder])
    assert history.epoch == [0, 1] and history.steps == trainer.step == 240
    assert recorder.events[-2:] == [("epoch end", 1), ("end",)]
    assert _weights(trainer) == _after_epochs(classifier, samples, 4, 2)
    # The rest of the run is still there, and the next one is not stopped.
    rest = trainer.fit(*samples, epochs=4, learning_rate=0.05, initial_step=240)
    assert rest.epoch == [2, 3]
    assert _weights(trainer) == _after_epochs(classifier, samples, 4, 4)


def test_callbacks_that_test_and_save_change_no_bit(
    classifier: bytes, samples: Samples, tmp_path: Path
) -> None:
    class Busy(Callback):
        def on_train_batch_end(self, step: int, logs: Logs) -> None:
            self.trainer.evaluate(samples[0][:2], samples[1][:2])
            if step % 50 == 0:
                self.trainer.save(tmp_path / "busy.ckpt", overwrite=True)

    plain, busy = Trainer(classifier), Trainer(classifier)
    histories = [plain.fit(*samples, epochs=2, replay=samples)]
    histories.append(busy.fit(*samples, epochs=2, replay=samples, callbacks=[Busy()]))
    assert histories[0] == histories[1] and _weights(plain) == _weights(busy)
    rest = Trainer(classifier)
    rest.restore(tmp_path / "busy.ckpt")
    rest.fit(*samples, epochs=2, replay=samples, initial_step=rest.step)
    assert _weights(rest) == _weights(plain)


def test_an_exception_ends_the_run_between_two_steps(classifier: bytes, samples: Samples) -> None:
    class Fails(Callback):
        def on_train_batch_end(self, step: int, logs: Logs) -> None:
            if step == 7:
                raise OSError("enough")

    trainer, recorder = Trainer(classifier), _Recorder()
    with pytest.raises(OSError, match="enough"):
        trainer.fit(*samples, epochs=2, callbacks=[recorder, Fails()])
    assert trainer.step == 7 and recorder.events[-1] == ("step", 7)
    trainer.fit(*samples, epochs=2, initial_step=7)
    whole = Trainer(classifier)
    whole.fit(*samples, epochs=2)
    assert _weights(trainer) == _weights(whole)


@pytest.mark.parametrize(
    ("monitor", "values", "patience", "min_delta", "epochs", "best"),
    [
        ("loss", [3.0, 2.0, 2.5, 2.0, 1.0], 2, 0.0, 4, 2),
        ("loss", [3.0, 2.0, 2.5, 1.9, 1.0], 2, 0.0, 5, 5),
        ("loss", [3.0, 2.0, 1.8, 1.6, 1.0], 2, 0.5, 4, 2),
        ("val_accuracy", [0.5, 0.6, 0.6, 0.9, 0.9], 1, 0.0, 3, 2),
        ("val_accuracy", [0.5, 0.6, 0.6, 0.9, 0.9], 0, 0.0, 3, 2),
        ("loss", [3.0, float("nan"), float("nan"), 1.0, 1.0], 2, 0.0, 3, 1),
    ],
)
@pytest.mark.parametrize("restores", [False, True])
def test_early_stopping(
    classifier: bytes,
    samples: Samples,
    monitor: str,
    values: list[float],
    patience: int,
    min_delta: float,
    epochs: int,
    best: int,
    restores: bool,
) -> None:
    stop = EarlyStopping(
        monitor, patience=patience, min_delta=min_delta, restore_best_weights=restores
    )
    trainer = Trainer(classifier)
    history = trainer.fit(
        *samples, epochs=5, learning_rate=0.05, callbacks=[_Scripted(monitor, values), stop]
    )
    done = best if restores else epochs
    assert len(history.epoch) == epochs and history.steps == 120 * epochs
    assert trainer.step == trainer.steps == 120 * done
    assert _weights(trainer) == _after_epochs(classifier, samples, 5, done)


def test_a_run_goes_on_from_its_best_epoch(classifier: bytes, samples: Samples) -> None:
    trainer = Trainer(classifier)
    stop = EarlyStopping("loss", patience=1, restore_best_weights=True)
    scripted = _Scripted("loss", [2.0, 1.0, 1.5])
    trainer.fit(*samples, epochs=4, learning_rate=0.05, callbacks=[scripted, stop])
    assert trainer.step == 240
    trainer.fit(*samples, epochs=4, learning_rate=0.05, initial_step=240)
    assert _weights(trainer) == _after_epochs(classifier, samples, 4, 4)


def test_early_stopping_forgets_the_run_before(classifier: bytes, samples: Samples) -> None:
    trainer, stop = Trainer(classifier), EarlyStopping("loss", patience=1)

    def epochs(*values: float) -> int:
        callbacks = [_Scripted("loss", list(values)), stop]
        return len(trainer.fit(*samples, epochs=3, callbacks=callbacks).epoch)

    assert epochs(1.0, 2.0, 0.5) == 2
    assert epochs(5.0, 4.0, 3.0) == 3


def test_wrong_arguments(classifier: bytes, samples: Samples) -> None:
    with pytest.raises(DataError, match="patience -1: must be 0 or larger"):
        EarlyStopping(patience=-1)
    for value in (-0.1, float("nan")):
        with pytest.raises(DataError, match=f"min_delta {value}: must be 0 or larger"):
            EarlyStopping(min_delta=value)
    with pytest.raises(DataError, match="monitor 'val_loss': the run has accuracy, loss"):
        Trainer(classifier).fit(*samples, epochs=1, callbacks=[EarlyStopping()])


def _saved(trainer: Trainer, samples: Samples, *callbacks: Callback) -> History:
    return trainer.fit(*samples, epochs=3, learning_rate=0.05, callbacks=list(callbacks))


def test_model_checkpoint(classifier: bytes, samples: Samples, tmp_path: Path) -> None:
    trainer = Trainer(classifier)
    last = ModelCheckpoint(tmp_path / "last.ckpt")
    each = ModelCheckpoint(tmp_path / "{epoch:02d}_{loss:.1f}.ckpt")
    history = _saved(trainer, samples, last, each)
    losses = history.history["loss"]
    names = [f"{epoch + 1:02d}_{loss:.1f}.ckpt" for epoch, loss in enumerate(losses)]
    assert sorted(p.name for p in tmp_path.iterdir()) == [*names, "last.ckpt"]
    assert (tmp_path / names[2]).read_bytes() == (tmp_path / "last.ckpt").read_bytes()
    other = Trainer(classifier)
    for done, name in enumerate(names, 1):
        other.restore(tmp_path / name)
        assert other.step == 120 * done
        assert _weights(other) == _after_epochs(classifier, samples, 3, done)
    other.restore((tmp_path / names[0]).read_bytes())
    other.fit(*samples, epochs=3, learning_rate=0.05, initial_step=120)
    assert _weights(other) == _weights(trainer)


def test_model_checkpoint_of_the_best(classifier: bytes, samples: Samples, tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    best = ModelCheckpoint(path, "accuracy", save_best_only=True)
    trainer = Trainer(classifier)
    _saved(trainer, samples, _Scripted("accuracy", [0.5, 0.7, 0.7]), best)
    other = Trainer(classifier)
    other.restore(path)
    assert other.step == 240
    before = path.read_bytes()
    _saved(trainer, samples, _Scripted("accuracy", [0.6, 0.6, 0.7]), best)
    assert path.read_bytes() == before
    _saved(trainer, samples, _Scripted("accuracy", [0.6, 0.8, 0.7]), best)
    assert path.read_bytes() != before


def test_model_checkpoint_replaces_nothing_by_accident(
    classifier: bytes, samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "mine.ckpt"
    path.write_text("mine")
    trainer = Trainer(classifier)
    with pytest.raises(DataError, match=r"mine.ckpt: exists already"):
        _saved(trainer, samples, ModelCheckpoint(path))
    assert path.read_text() == "mine" and trainer.steps == 0
    _saved(trainer, samples, ModelCheckpoint(path, overwrite=True))
    trainer.restore(path)
    with pytest.raises(DataError, match="not a file in an existing directory"):
        _saved(trainer, samples, ModelCheckpoint(tmp_path / "no" / "such.ckpt"))
    with pytest.raises(DataError, match="KeyError.'speed'.*, the run has epoch, loss, accuracy"):
        _saved(trainer, samples, ModelCheckpoint(tmp_path / "{speed}.ckpt"))


@pytest.mark.parametrize(
    "name", ["{epoch.x}", "{epoch[0]}", "{loss:d}", "{loss:y}", "{}", "{0}", "{loss!z}", "{epoch"]
)
def test_a_path_that_cannot_be_made_is_refused_before_the_first_step(
    name: str, classifier: bytes, samples: Samples, tmp_path: Path
) -> None:
    trainer = Trainer(classifier)
    with pytest.raises(DataError, match="the run has epoch"):
        _saved(trainer, samples, ModelCheckpoint(tmp_path / f"{name}.ckpt"))
    assert trainer.steps == 0


def test_a_path_may_name_what_another_callback_adds(
    classifier: bytes, samples: Samples, tmp_path: Path
) -> None:
    added = _Scripted("speed", [1.0, 2.0, 3.0])
    _saved(Trainer(classifier), samples, added, ModelCheckpoint(tmp_path / "{speed:.0f}.ckpt"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.ckpt", "2.ckpt", "3.ckpt"]
    # Which formats fit what another callback adds is not known before its first value.
    with pytest.raises(DataError, match="format code 'd'"):
        _saved(Trainer(classifier), samples, added, ModelCheckpoint(tmp_path / "{speed:d}.ckpt"))
