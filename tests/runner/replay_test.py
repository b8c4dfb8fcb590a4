"""Replay: old samples between the new ones keep what was learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.runner.conftest import CLASSES
from tflm_training import DataError, Trainer, replay, replayed_indices
from tflm_training.cli import main

Samples = tuple[np.ndarray, np.ndarray]


def _of(samples: Samples, keep_last: bool) -> Samples:
    x, y = samples
    chosen = (y == CLASSES - 1) == keep_last
    return x[chosen], y[chosen]


def test_the_choice_is_balanced() -> None:
    labels = np.array([0] * 50 + [1] * 5 + [2] * 30)
    kept = replayed_indices(labels, 12, seed=3)
    assert np.bincount(labels[kept]).tolist() == [4, 4, 4]
    assert len(set(kept.tolist())) == 12
    np.testing.assert_array_equal(kept, replayed_indices(labels, 12, seed=3))
    assert not np.array_equal(kept, replayed_indices(labels, 12, seed=4))


def test_what_fits_is_kept_as_a_whole() -> None:
    assert replayed_indices(np.array([2, 0, 1]), 10).tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="replay 0: must be 1 or larger"):
        replayed_indices(np.array([1]), 0)
    with pytest.raises(DataError, match="label -1 is negative"):
        replayed_indices(np.array([1, -1]), 2)


def test_classes_may_have_any_numbers() -> None:
    few = np.array([0, 1, 2] * 20)
    kept = replayed_indices(few, 7, seed=2)
    many = np.array([3, 10**9, 2**40])[few]
    np.testing.assert_array_equal(replayed_indices(many, np.int64(7), seed=np.int64(2)), kept)
    # Classes in between that never come do not change what is kept.
    np.testing.assert_array_equal(replayed_indices(5 * few, 7, seed=2), kept)
    assert replayed_indices(few, 10**12).tolist() == list(range(60))
    assert replayed_indices(np.zeros(0, np.int64), 3).tolist() == []


@pytest.mark.parametrize(
    ("labels", "count", "seed", "message"),
    [
        ([0.5, 1.5], 2, 0, "replay: dtype float64, labels are integers"),
        ([True, False], 2, 0, "replay: dtype bool, labels are integers"),
        ([0, 1], 2, -1, "seed -1: must be 0 or larger"),
        ([0, 1], 2, 0.5, "seed 0.5: must be a whole number"),
        ([0, 1], 1.5, 0, "replay 1.5: must be a whole number"),
    ],
)
def test_what_is_no_stream(labels: list[float], count: int, seed: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        replayed_indices(np.array(labels), count, seed)


def test_an_epoch_takes_turns() -> None:
    order = replay.epoch_order(np.random.default_rng(0), 5, 3, shuffle=True)
    assert sorted(order[::2].tolist()) == [0, 1, 2, 3, 4]
    assert len(order) == 10 and set(order[1::2].tolist()) <= {5, 6, 7}
    plain = replay.epoch_order(np.random.default_rng(0), 5, 0, shuffle=False)
    assert plain.tolist() == [0, 1, 2, 3, 4]


def test_replay_prevents_forgetting(classifier: bytes, samples: Samples) -> None:
    """A class is learned after the others; without replay these are forgotten."""
    old, new = _of(samples, keep_last=False), _of(samples, keep_last=True)
    accuracy = {}
    for with_replay in (False, True):
        trainer = Trainer(classifier)
        trainer.fit(*old, epochs=4, learning_rate=0.05)
        assert trainer.evaluate(*old)["accuracy"] > 0.95
        kept = replayed_indices(old[1], 12)
        replayed = (old[0][kept], old[1][kept]) if with_replay else None
        history = trainer.fit(*new, epochs=4, learning_rate=8.0, decay=None, replay=replayed)
        assert history.steps == 4 * len(new[0]) * (2 if with_replay else 1)
        assert trainer.evaluate(*new)["accuracy"] > 0.95
        accuracy[with_replay] = trainer.evaluate(*old)["accuracy"]
    assert accuracy[False] < 0.8 < 0.95 < accuracy[True]


def test_a_run_with_replay_continues_bit_for_bit(classifier: bytes, samples: Samples) -> None:
    old, new = _of(samples, keep_last=False), _of(samples, keep_last=True)
    whole, parts = Trainer(classifier, seed=1), Trainer(classifier, seed=1)
    whole.fit(*new, epochs=2, replay=old)
    stop = len(new[0]) + 3
    parts.fit(*new, epochs=2, replay=old, last_step=stop)
    parts.fit(*new, epochs=2, replay=old, initial_step=stop)
    for name, values in whole.variables().items():
        np.testing.assert_array_equal(values, parts.variables()[name])


def test_the_command(
    classifier: bytes, samples: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {}
    for name, (x, y) in (("old", _of(samples, False)), ("new", _of(samples, True))):
        files[name] = tmp_path / f"{name}.npz"
        np.savez(files[name], x_train=x, y_train=y, x_test=x, y_test=y)
    model = tmp_path / "model.tflite"
    model.write_bytes(classifier)
    command = ["train", str(model), "--data", str(files["new"]), "--epochs", "1"]
    assert main([*command, "--replay", "8"]) == 1
    assert "the one needs the other" in capsys.readouterr().err
    report = tmp_path / "report.json"
    arguments = ["--replay", "8", "--replay_data", str(files["old"]), "--json", str(report)]
    assert main([*command, *arguments]) == 0
    steps = 2 * len(_of(samples, True)[0])
    assert f'"steps": {steps}' in report.read_text()
