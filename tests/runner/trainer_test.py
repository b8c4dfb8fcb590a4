"""Trainer: it learns, it repeats itself, it leaves the weights alone where it should."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.runner.tiny_models import plain_model, training_model
from tflm_training import DataError, Progress, Trainer

Samples = tuple[np.ndarray, np.ndarray]


def _weights(trainer: Trainer) -> bytes:
    return b"".join(values.tobytes() for values in trainer.variables().values())


def test_fit_learns_and_keeps_a_history(classifier: bytes, samples: Samples) -> None:
    x, y = samples
    trainer = Trainer(classifier)
    before = trainer.evaluate(x, y)
    history = trainer.fit(x, y, epochs=4, learning_rate=0.05, validation_data=(x, y))
    after = trainer.evaluate(x, y)
    assert before["accuracy"] < 0.6 < 0.95 < after["accuracy"]
    assert after["loss"] < before["loss"] / 2
    assert history.epoch == [0, 1, 2, 3] and history.steps == 4 * len(x)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.history["val_accuracy"][-1] == after["accuracy"]


def test_the_loss_is_the_cross_entropy_of_the_output(classifier: bytes, samples: Samples) -> None:
    x, y = samples
    trainer = Trainer(classifier)
    trainer.fit(x, y, epochs=1, learning_rate=0.02)
    logits = trainer.predict(x).astype(np.float64)
    log_sum = np.log(np.sum(np.exp(logits), axis=1))
    expected = np.mean(log_sum - logits[np.arange(len(y)), y])
    result = trainer.evaluate(x, y)
    assert result["loss"] == pytest.approx(expected, abs=1e-3)
    assert result["accuracy"] == np.mean(np.argmax(logits, axis=1) == y)


def test_the_same_seed_gives_the_same_bits(classifier: bytes, samples: Samples) -> None:
    runs = []
    for seed in (3, 3, 4):
        trainer = Trainer(classifier, seed=seed)
        history = trainer.fit(*samples, epochs=2)
        runs.append((_weights(trainer), history.history))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


def test_the_seed_reaches_the_graphs_generator(classifier: bytes, samples: Samples) -> None:
    weights = []
    for seed in (3, 4):
        trainer = Trainer(classifier, seed=seed)
        trainer.fit(*samples, epochs=1, shuffle=False)
        weights.append(_weights(trainer))
    assert weights[0] != weights[1]


def test_reset_starts_over(classifier: bytes, samples: Samples) -> None:
    trainer = Trainer(classifier, seed=5)
    initial = _weights(trainer)
    first = trainer.fit(*samples, epochs=1)
    trained = _weights(trainer)
    assert trained != initial
    trainer.reset()
    assert _weights(trainer) == initial
    assert trainer.fit(*samples, epochs=1) == first
    assert _weights(trainer) == trained


def test_only_fit_changes_weights(classifier: bytes, samples: Samples) -> None:
    x, y = samples
    trainer = Trainer(classifier)
    initial = _weights(trainer)
    trainer.evaluate(x, y)
    trainer.predict(x)
    trainer.fit(x, y, learning_rate=0.0, epochs=1)
    assert _weights(trainer) == initial


def test_evaluation_between_epochs_does_not_disturb(classifier: bytes, samples: Samples) -> None:
    weights = []
    for validation in (None, samples):
        trainer = Trainer(classifier)
        trainer.fit(*samples, epochs=2, validation_data=validation)
        weights.append(_weights(trainer))
    assert weights[0] == weights[1]


def test_predictions_of_the_untrained_flatbuffer_are_the_models(samples: Samples) -> None:
    from tflm_training._library import runtime

    filter_values = np.arange(-12, 12).reshape(3, 8)
    trainer = Trainer(training_model("softmax_cross_entropy", filter_values))
    original = runtime().Interpreter(plain_model(filter_values, (1, 8)))
    x = np.random.default_rng(0).integers(-128, 128, (20, 8)).astype(np.int8)
    predicted = trainer.predict_quantized(x)
    assert predicted.shape == (20, 3) and predicted.dtype == np.int8
    for sample, output in zip(x, predicted, strict=True):
        original.set_input(0, sample)
        original.invoke()
        assert np.array_equal(original.get_output(0)[0], output)
    assert np.array_equal(trainer.predict(x), np.float32(0.5) * (predicted.astype(np.float32) - 5))


def test_progress_is_told_of_each_sample(classifier: bytes, samples: Samples) -> None:
    seen: list[Progress] = []
    x, y = samples[0][:5], samples[1][:5]
    result = Trainer(classifier).evaluate(x, y, progress=seen.append)
    assert [(p.step, p.steps) for p in seen] == [(i + 1, 5) for i in range(5)]
    assert {"loss": seen[4].loss, "accuracy": seen[4].accuracy} == result


def test_the_confusion_matrix(classifier: bytes, samples: Samples) -> None:
    x, y = samples
    trainer = Trainer(classifier)
    trainer.fit(x, y, epochs=1, learning_rate=0.002, last_step=12)
    matrix = trainer.confusion_matrix(x, y)
    assert matrix.shape == (3, 3) and matrix.dtype == np.int64
    predicted = np.argmax(trainer.predict(x), axis=1)
    for true in range(3):
        for guess in range(3):
            assert matrix[true, guess] == np.sum((y == true) & (predicted == guess))
    assert not np.array_equal(matrix, matrix.T)
    examined = trainer.examine(x, y)
    assert examined.metrics == trainer.evaluate(x, y)
    assert examined.metrics["accuracy"] == np.trace(matrix) / len(x) < 1.0
    assert np.array_equal(examined.confusion_matrix, matrix)


def test_a_regression_has_no_confusion_matrix(autoencoder: bytes) -> None:
    trainer = Trainer(autoencoder)
    x = np.ones((2, 4), np.float32)
    assert trainer.classes == 0 and trainer.examine(x).confusion_matrix is None
    with pytest.raises(DataError, match="confusion_matrix: .* has no classes"):
        trainer.confusion_matrix(x, x)


def test_linear_decay(classifier: bytes, samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = Trainer._step

    def record(self: Trainer, x: np.ndarray, y: np.ndarray, rate: np.ndarray):  # noqa: ANN202
        rates.append(float(rate[0]))
        return step(self, x, y, rate)

    trainer = Trainer(classifier)
    monkeypatch.setattr(Trainer, "_step", record)
    x, y = samples[0][:2], samples[1][:2]
    trainer.fit(x, y, epochs=2, learning_rate=0.5)
    trainer.fit(x, y, epochs=1, learning_rate=0.5, decay=None)
    assert rates == [0.5, 0.375, 0.25, 0.125, 0.5, 0.5]


def test_an_autoencoder_learns_its_input(autoencoder: bytes) -> None:
    x = np.random.default_rng(1).normal(0.0, 3.0, (200, 4))
    trainer = Trainer(autoencoder)
    before = trainer.evaluate(x)
    history = trainer.fit(x, epochs=4, learning_rate=0.02)
    after = trainer.evaluate(x)
    assert set(after) == {"loss", "mse"} and set(history.history) == {"loss"}
    assert after["mse"] < before["mse"] / 10
    assert after["loss"] == pytest.approx(after["mse"], rel=0.2)


def test_the_mse_of_real_targets_is_in_real_units(autoencoder: bytes) -> None:
    x = np.zeros((1, 4), np.float32)
    trainer = Trainer(autoencoder)
    assert np.array_equal(trainer.predict(x), np.zeros((1, 4), np.float32))
    result = trainer.evaluate(x, np.array([[0.2, 0.2, 0.2, 1000.0]]))
    assert result["mse"] == pytest.approx((3 * 0.04 + 1e6) / 4)
    assert result["loss"] == pytest.approx((122 * 0.5) ** 2 / 4)


def test_binary_classification() -> None:
    generator = np.random.default_rng(2)
    y = generator.integers(0, 2, 100)
    x = generator.normal(0.0, 1.0, (100, 4)) + 3.0 * (2 * y[:, None] - 1)
    trainer = Trainer(training_model("sigmoid_cross_entropy", np.array([[-2, 1, -1, 1]])))
    assert trainer.evaluate(x, y)["accuracy"] < 0.9
    trainer.fit(x, y, epochs=3, learning_rate=0.05)
    assert trainer.evaluate(x, y)["accuracy"] > 0.97
    matrix = trainer.confusion_matrix(x, y)
    assert matrix.shape == (2, 2) and matrix.sum(axis=1).tolist() == np.bincount(y).tolist()
    with pytest.raises(DataError, match=r"y\[0\] is 2, labels are in \[0, 2\)"):
        trainer.evaluate(x[:1], np.array([2]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs 0: must be 1 or larger"),
        ({"learning_rate": math.nan}, "learning_rate nan: must be finite and not negative"),
        ({"learning_rate": math.inf}, "learning_rate inf: must be finite and not negative"),
        ({"learning_rate": -0.1}, "learning_rate -0.1: must be finite and not negative"),
        ({"decay": "cosine"}, "decay 'cosine': must be 'linear' or None"),
        ({"y_train": None}, "y_train: missing, this model needs class labels"),
        ({"validation_data": (np.zeros((2, 3)), None)}, "x_validation: shape [2, 3], "),
    ],
)
def test_wrong_arguments(
    classifier: bytes, samples: Samples, arguments: dict[str, object], message: str
) -> None:
    trainer = Trainer(classifier)
    initial = _weights(trainer)
    with pytest.raises(DataError) as caught:
        trainer.fit(**{"x_train": samples[0], "y_train": samples[1], **arguments})
    assert str(caught.value).startswith(message)
    assert _weights(trainer) == initial


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"version": 2}, "a training flatbuffer of version 2"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"random_state": "nowhere"}, "no variable 'nowhere'"),
        ({"version": "x" * 5000}, r"a training flatbuffer of version 'x+\.\.\.; this"),
        ({"loss": "x" * 5000}, r"unknown loss 'x+\.\.\.; this"),
        ({"random_state": "x" * 5000}, r"no variable 'x+\.\.\. in"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_metadata(metadata: dict[str, object], message: str) -> None:
    model = training_model("softmax_cross_entropy", np.ones((3, 8)), metadata=metadata)
    with pytest.raises(DataError, match=message) as refused:
        Trainer(model)
    assert len(str(refused.value)) < 1000


def test_wrong_models(tmp_path: Path, classifier: bytes) -> None:
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(plain_model(np.ones((2, 2)), (1, 2)))
    with pytest.raises(DataError) as caught:
        Trainer(plain)
    advice = "is not a training flatbuffer: run python -m converter first"
    assert str(caught.value) == f"{plain}: {advice}"
    with pytest.raises(DataError, match="missing.tflite: No such file"):
        Trainer(tmp_path / "missing.tflite")
    with pytest.raises(DataError, match="seed -1"):
        Trainer(classifier, seed=-1)
    with pytest.raises(DataError, match="arena_bytes 0"):
        Trainer(classifier, arena_bytes=0)
    with pytest.raises(DataError, match="arena_bytes 1000: model needs"):
        Trainer(classifier, arena_bytes=1000)
