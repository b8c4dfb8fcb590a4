"""The benchmark of whole steps notices what differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.upstream_steps import Learner, differences
from tflm_training.trainer import Trainer

_RATE = 0.02


@pytest.fixture
def learned(digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path) -> Learner:
    """Three steps and their inferences."""
    return _learn(Trainer(digits_model, seed=5), digits, tmp_path, _RATE)


def _learn(trainer: Trainer, digits: dict[str, np.ndarray], folder: Path, rate: float) -> Learner:
    learner = Learner(trainer, folder)
    learner.learn(digits["x_train"][:3], digits["y_train"][:3], rate)
    return learner


def test_equal_steps(
    learned: Learner, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    start = Learner(Trainer(digits_model, seed=5), tmp_path).variables()
    other = _learn(Trainer(digits_model, seed=5), digits, tmp_path, _RATE)
    assert len(other.losses) == len(other.outputs) == 3
    assert differences(learned, other, start) == []


def test_another_learning_rate(
    learned: Learner, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    other = _learn(Trainer(digits_model, seed=5), digits, tmp_path, 2 * _RATE)
    found = differences(learned, other, b"")
    assert "losses; that of step 2" in found[0] and "bytes of the variables" in found[1]


def test_another_generator_state(
    learned: Learner, digits_model: Path, digits: dict[str, np.ndarray], tmp_path: Path
) -> None:
    other = _learn(Trainer(digits_model, seed=6), digits, tmp_path, _RATE)
    assert any("bytes of the variables" in text for text in differences(learned, other, b""))


def test_no_step_at_all(learned: Learner) -> None:
    assert differences(learned, learned, learned.variables()) == [
        "nothing: no step changed a weight"
    ]
