"""Models learn in TFLM: real handwritten digits, and the other losses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import converter
from tests.zoo.int8 import to_int8, zoo_model
from tests.zoo.keras_models import mobilenet_v3
from tflm_training import Trainer

layers = tf.keras.layers
Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> Data:
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order].astype(np.int32)
    return x[:600], y[:600], x[600:1000], y[600:1000]


@pytest.fixture(scope="module")
def digit_model(digits: Data) -> bytes:
    """Trained by Keras on six of the ten digits only."""
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(16, 1, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    x, y, _, _ = digits
    known = y < 6
    model.fit(x[known], y[known], batch_size=16, epochs=15, verbose=0)
    return to_int8(model, x[:64])


@pytest.mark.parametrize(("update", "gain"), [("last:1", 0.15), ("last:2", 0.2), ("all", 0.25)])
def test_new_digits_are_learned(digit_model: bytes, digits: Data, update: str, gain: float) -> None:
    x_train, y_train, x_test, y_test = digits
    trainer = Trainer(converter.convert(digit_model, update=update).flatbuffer, seed=2)
    before = trainer.evaluate(x_test, y_test)["accuracy"]
    history = trainer.fit(x_train, y_train, epochs=6, learning_rate=0.005)
    after = trainer.evaluate(x_test, y_test)["accuracy"]
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert after > before + gain


def test_squeeze_and_excite_and_hard_swish_learn_new_digits(digits: Data) -> None:
    """A scaled-down MobileNetV3, all of it trained."""
    x, y, x_test, y_test = digits
    x, x_test = (np.kron(images, np.ones((1, 4, 4, 1), np.float32)) for images in (x, x_test))
    tf.keras.utils.set_random_seed(1)
    model = mobilenet_v3(size=32, channels=1, classes=10)
    model.compile(tf.keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(x[y < 6], y[y < 6], batch_size=32, epochs=8, verbose=0)
    converted = converter.convert(to_int8(model, x[:64]), update="all")
    names = {op.name for op in converted.training.forward}
    assert {"HARD_SWISH", "MUL"} <= names
    trainer = Trainer(converted.flatbuffer, seed=2)
    before = trainer.evaluate(x_test, y_test)["accuracy"]
    trainer.fit(x, y, epochs=4, learning_rate=0.01)
    after = trainer.evaluate(x_test, y_test)["accuracy"]
    assert after > before + 0.2 and after > 0.75, f"{before:.3f} -> {after:.3f}"


def test_replaced_classifier_learns(digit_model: bytes, digits: Data) -> None:
    x_train, y_train, x_test, y_test = digits
    converted = converter.convert(digit_model, update="all", num_classes=2)
    trainer = Trainer(converted.flatbuffer)
    trainer.fit(x_train, y_train % 2, epochs=6, learning_rate=0.005)
    assert trainer.evaluate(x_test, y_test % 2)["accuracy"] > 0.8


def test_autoencoder_error_falls() -> None:
    rng = np.random.default_rng(4)
    basis = rng.standard_normal((3, 24))
    x = (rng.standard_normal((300, 3)) @ basis / 2).astype(np.float32)
    flatbuffer = converter.convert(zoo_model("autoencoder"), loss="mse", update="all").flatbuffer
    trainer = Trainer(flatbuffer)
    before = trainer.evaluate(x, x)["mse"]
    trainer.fit(x, x, epochs=5, learning_rate=0.05)
    assert trainer.evaluate(x, x)["mse"] < 0.8 * before


def test_binary_classifier_learns() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((300, 6, 7, 2)).astype(np.float32)
    y = (x[..., 0].mean(axis=(1, 2)) > 0).astype(np.int32)
    trainer = Trainer(converter.convert(zoo_model("binary"), update="all").flatbuffer)
    before = trainer.evaluate(x, y)["loss"]
    trainer.fit(x, y, epochs=8, learning_rate=0.05)
    after = trainer.evaluate(x, y)
    assert after["accuracy"] > 0.85 and after["loss"] < before


def test_inference_changes_nothing(digit_model: bytes, digits: Data) -> None:
    trainer = Trainer(converter.convert(digit_model, update="all").flatbuffer)
    before = trainer.variables()
    trainer.evaluate(*digits[2:])
    trainer.predict(digits[2])
    for name, content in trainer.variables().items():
        np.testing.assert_array_equal(content, before[name])


def test_same_seed_same_weights(digit_model: bytes, digits: Data) -> None:
    flatbuffer = converter.convert(digit_model, update="all").flatbuffer

    def trained(seed: int) -> dict[str, np.ndarray]:
        trainer = Trainer(flatbuffer, seed=seed)
        trainer.fit(digits[0][:100], digits[1][:100], epochs=1, learning_rate=0.005)
        return trainer.variables()

    first, again, other = trained(1), trained(1), trained(2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


def test_channel_slice_moves_only_its_channels(
    digit_model: bytes, digits: Data, tmp_path: Path
) -> None:
    scheme = tmp_path / "scheme.json"
    scheme.write_text(json.dumps({"layers": [{"layer": 2, "bias": True, "channels": 3}]}))
    converted = converter.convert(digit_model, update=str(scheme))
    trainer = Trainer(converted.flatbuffer)
    before = trainer.variables()
    trainer.fit(digits[0][:100], digits[1][:100], epochs=1, learning_rate=0.05)
    name = converted.training.layers[2].filter.name
    changed = trainer.variables()[name] != before[name]
    assert changed[..., :3].any() and not changed[..., 3:].any()
