"""Models and data that the runner's tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.runner.tiny_models import training_model

CLASSES = 3
FEATURES = 8


@pytest.fixture(scope="session")
def classifier() -> bytes:
    """A training flatbuffer: 8 features, 3 classes, weights that know nothing."""
    return training_model("softmax_cross_entropy", np.ones((CLASSES, FEATURES)))


@pytest.fixture(scope="session")
def autoencoder() -> bytes:
    """A training flatbuffer with the mean squared error: 4 features in, 4 out."""
    return training_model("mse", np.full((4, 4), 2))


@pytest.fixture(scope="session")
def samples() -> tuple[np.ndarray, np.ndarray]:
    """Real-valued x [120, 8] and labels [120]: three noisy, separable classes."""
    generator = np.random.default_rng(7)
    labels = generator.integers(0, CLASSES, 120)
    centres = generator.normal(0.0, 4.0, (CLASSES, FEATURES))
    return centres[labels] + generator.normal(0.0, 1.0, (120, FEATURES)), labels


@pytest.fixture
def model_file(tmp_path: Path, classifier: bytes) -> Path:
    """The classifier as a file."""
    path = tmp_path / "model_train.tflite"
    path.write_bytes(classifier)
    return path


@pytest.fixture
def data_file(tmp_path: Path, samples: tuple[np.ndarray, np.ndarray]) -> Path:
    """The samples as an .npz: 90 to train on, 30 to test."""
    x, y = samples
    path = tmp_path / "data.npz"
    np.savez(path, x_train=x[:90], y_train=y[:90], x_test=x[90:], y_test=y[90:])
    return path
