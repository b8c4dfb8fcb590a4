"""An autoencoder of pictures, with Conv2DTranspose for the way back, learns new digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import converter
from tests.zoo.int8 import to_int8
from tflm_training import Trainer

layers = tf.keras.layers
_ENCODER = 2  # layers


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures [N, 8, 8, 1] of 0 to 4; of 5 to 9, to train and to test on."""
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    new = x[y >= 5]
    return x[y < 5], new[:300], new[300:500]


@pytest.fixture(scope="module")
def autoencoder(digits: tuple[np.ndarray, ...]) -> bytes:
    known = digits[0]
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(0.003), "mse")
    model.fit(known, known, batch_size=16, epochs=15, verbose=0)
    return to_int8(model, known[:64])


def _schemes(folder: Path) -> dict[str, str]:
    """Those that train, through TRANSPOSE_CONV, what lies before it, and itself."""
    encoder = folder / "encoder.json"
    encoder.write_text(
        json.dumps(
            {"layers": [{"layer": i, "bias": True, "channels": "all"} for i in range(_ENCODER)]}
        )
    )
    return {"encoder": str(encoder), "decoder": "last:2", "bias": "bias:2", "all": "all"}


@pytest.mark.parametrize(
    ("trained", "share"), [("encoder", 0.95), ("decoder", 0.87), ("bias", 0.99), ("all", 0.8)]
)
def test_error_falls(
    autoencoder: bytes, digits: tuple[np.ndarray, ...], tmp_path: Path, trained: str, share: float
) -> None:
    update = _schemes(tmp_path)[trained]
    converted = converter.convert(autoencoder, update=update, loss="mse")
    names = [op.name for op in converted.training.backward]
    through = 2 if trained in ("encoder", "all") else 1
    assert names.count("TRANSPOSE_CONV_INPUT_GRAD") == through
    updates = 2 if trained in ("decoder", "all") else 0
    assert names.count("TRANSPOSE_CONV_FILTER_UPDATE") == updates
    _, x, x_test = digits
    trainer = Trainer(converted.flatbuffer, seed=3)
    before = trainer.evaluate(x_test, x_test)["mse"]
    trainer.fit(x, x, epochs=4, learning_rate=1.0)
    after = trainer.evaluate(x_test, x_test)["mse"]
    assert after < share * before, f"{before:.4f} -> {after:.4f}"
