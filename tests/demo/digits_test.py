"""The digits demo: its data, its model, and what the commands that it runs reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter.cli import parse_bytes
from converter.conversion import TrainingModel, convert
from examples.digits import demo
from examples.digits.data import CLASSES, SIZE, TRAIN_SAMPLES, handwritten_digits
from examples.digits.printed_digits import printed_digits
from tflm_training.trainer import Trainer

ROOT = Path(demo.__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits() -> dict[str, np.ndarray]:
    return handwritten_digits()


@pytest.fixture(scope="module")
def converted() -> TrainingModel:
    return convert(demo.MODEL.read_bytes(), parse_bytes(demo.BUDGET))


def test_handwritten_digits(digits: dict[str, np.ndarray]) -> None:
    assert digits["x_train"].shape == (TRAIN_SAMPLES, SIZE, SIZE, 1)
    images = np.concatenate([digits["x_train"], digits["x_test"]])
    assert images.shape[0] == 1797 and images.dtype == np.float32
    assert images.min() == 0.0 and images.max() == 1.0
    for split in ("train", "test"):
        shares = np.bincount(digits[f"y_{split}"], minlength=CLASSES) / len(digits[f"y_{split}"])
        np.testing.assert_allclose(shares, 0.1, atol=0.01)


def test_no_digit_is_in_both_splits(digits: dict[str, np.ndarray]) -> None:
    train, test = ({image.tobytes() for image in digits[f"x_{s}"]} for s in ("train", "test"))
    assert not train & test


def test_printed_digits() -> None:
    images, labels = printed_digits(300, seed=3)
    assert images.shape == (300, SIZE, SIZE, 1) and images.dtype == np.float32
    assert 0.0 <= images.min() < images.max() <= 1.0
    ink = images.mean(axis=(1, 2, 3))
    assert 0.05 < ink.min() and ink.max() < 0.8
    assert set(labels) == set(range(CLASSES))
    again, same_labels = printed_digits(300, seed=3)
    np.testing.assert_array_equal(again, images)
    np.testing.assert_array_equal(same_labels, labels)


def test_the_model_reads_print(converted: TrainingModel) -> None:
    images, labels = printed_digits(300, seed=4)
    assert Trainer(converted.flatbuffer).evaluate(images, labels)["accuracy"] > 0.98


def test_the_budget_allows_more_than_the_classifier(converted: TrainingModel) -> None:
    assert converted.arena.total <= parse_bytes(demo.BUDGET)
    assert len(converted.training.scheme) >= 3


def test_one_epoch_helps_and_repeats_bit_for_bit(
    converted: TrainingModel, digits: dict[str, np.ndarray]
) -> None:
    train = digits["x_train"][:400], digits["y_train"][:400]
    test = digits["x_test"][:400], digits["y_test"][:400]
    weights = []
    for _ in range(2):
        trainer = Trainer(converted.flatbuffer, seed=5)
        before = trainer.evaluate(*test)["accuracy"]
        trainer.fit(*train, epochs=1, learning_rate=demo.LEARNING_RATE)
        assert trainer.evaluate(*test)["accuracy"] > before + 0.1
        weights.append(trainer.variables())
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_array_equal(values, weights[1][name], err_msg=name)


def test_the_commands(tmp_path: Path) -> None:
    for arguments in demo.commands(tmp_path):
        subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, capture_output=True)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["accuracy_before"] < 0.75
    assert result["accuracy_after"] > 0.94
    plan = json.loads((tmp_path / "digits_int8_train.json").read_text())
    text = demo.summary(tmp_path)
    assert f"{plan['arena_bytes']:,} of 14,336 bytes" in text
    assert f"{100 * result['accuracy_after']:.1f} % after" in text
