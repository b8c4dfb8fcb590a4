"""Models that classify no images: regression, autoencoders, sounds and recurrent layers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

import converter
from benchmarks.other_models import Arrays, glides, machine, sine, train
from converter.errors import ConverterError, NoGradientError
from converter.merge import merge
from converter.model import read_model
from tests.zoo.int8 import to_int8
from tests.zoo.recurrent import lstm_classifier, svdf_classifier
from tflm_training import Trainer
from tflm_training._library import runtime

layers = tf.keras.layers
_STEPS, _FEATURES, _CLASSES = 16, 8, 3


def _keras(*stack: tf.keras.layers.Layer, shape: tuple[int, ...]) -> tf.keras.Sequential:
    tf.keras.utils.set_random_seed(1)
    return tf.keras.Sequential([layers.Input(shape), *stack])


def _fitted(model: tf.keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> bytes:
    """Trained by Keras on the old task, then int8."""
    loss = "mse" if y.dtype == np.float32 else "sparse_categorical_crossentropy"
    batches = 10
    model.compile(tf.keras.optimizers.Adam(0.01), loss, steps_per_execution=batches)
    model.fit(x, y, batch_size=len(x) // batches, epochs=epochs, verbose=0)
    return to_int8(model, x[:100])


def test_regression_learns_another_curve() -> None:
    """As TFLM's hello_world: a sine, shifted."""
    stack = [layers.Dense(16, "relu"), layers.Dense(16, "relu"), layers.Dense(1)]
    content = _fitted(_keras(*stack, shape=(1,)), *sine(500, phase=0.0), epochs=60)
    x, y = sine(900, phase=1.0, seed=2)
    flatbuffer = converter.convert(content, update="all", loss="mse").flatbuffer
    result = train(flatbuffer, x, y, learning_rate=0.003, epochs=12)
    assert result.before > 0.3 and result.after < 0.06, result


def test_autoencoder_learns_another_machine() -> None:
    """As MLPerf Tiny's ad01, whose output is its input."""
    widths = (32, 32, 8, 32, 32)
    stack = [layers.Dense(width, "relu") for width in widths] + [layers.Dense(128)]
    known = machine(400, frames=2, bins=64, pitch=5.0)
    content = _fitted(_keras(*stack, shape=(128,)), known, known, epochs=60)
    flatbuffer = converter.convert(content, update="last:1", loss="mse").flatbuffer
    x = machine(600, frames=2, bins=64, pitch=8.0, seed=3)
    result = train(flatbuffer, x, None, learning_rate=1.0, epochs=6)
    # Better than a constant: it does reconstruct.
    assert result.after < 0.5 * result.before and result.after < 0.8 * result.constant, result


@functools.cache
def _glides() -> Arrays:
    return glides(480, _STEPS, _FEATURES, _CLASSES)


def _learns_glides(content: bytes, update: str, learning_rate: float = 0.01) -> None:
    converted = converter.convert(content, update=update)
    result = train(converted.flatbuffer, *_glides(), learning_rate, epochs=4)
    assert result.before < 0.7 and result.after > 0.9, result


def _of_two_classes(model: tf.keras.Model) -> bytes:
    """Keras shows it two of the three glides."""
    x, y = _glides()
    return _fitted(model, x[y < 2], y[y < 2], epochs=5)


def test_spectrograms() -> None:
    """As TFLM's micro_speech: a reshape, one depthwise convolution, one dense layer."""
    model = _keras(
        layers.Reshape((_STEPS, _FEATURES, 1)),
        layers.DepthwiseConv2D((5, 4), 2, "same", depth_multiplier=4, activation="relu"),
        layers.Flatten(),
        layers.Dense(_CLASSES, activation="softmax"),
        shape=(_STEPS, _FEATURES),
    )
    _learns_glides(_of_two_classes(model), "all")


@functools.cache
def _wake_word() -> bytes:
    """As microWakeWord's MixedNet: 1-D convolutions over time, written as 2-D ones."""
    model = _keras(
        layers.Reshape((_STEPS, 1, _FEATURES)),
        layers.Conv2D(16, (3, 1), 2, activation="relu"),
        layers.DepthwiseConv2D((3, 1)),
        layers.Conv2D(16, 1, activation="relu"),
        layers.DepthwiseConv2D((3, 1)),
        layers.Conv2D(16, 1, activation="relu"),
        layers.Flatten(),
        layers.Dense(_CLASSES, activation="softmax"),
        shape=(_STEPS, _FEATURES),
    )
    return _of_two_classes(model)


@pytest.mark.parametrize("update", ["last:2", "all"])
def test_wake_word(update: str) -> None:
    _learns_glides(_wake_word(), update)


def test_dense_head_behind_an_unrolled_lstm_of_keras() -> None:
    model = _keras(
        layers.LSTM(12, unroll=True),
        layers.Dense(16, "relu"),
        layers.Dense(_CLASSES, activation="softmax"),
        shape=(_STEPS, _FEATURES),
    )
    content = _of_two_classes(model)
    assert {"SPLIT", "TANH", "LOGISTIC"} <= {op.name for op in read_model(content).graph.operators}
    _learns_glides(content, "last:2")


def test_dense_head_behind_an_lstm() -> None:
    content = lstm_classifier(_STEPS, _FEATURES, hidden=12, classes=_CLASSES)
    _learns_glides(content, "all")


def test_an_lstm_forgets_one_sample_before_the_next() -> None:
    content = lstm_classifier(_STEPS, _FEATURES, hidden=12, classes=_CLASSES)
    trainer = Trainer(converter.convert(content, update="all").flatbuffer)
    x = _glides()[0][:30]
    np.testing.assert_array_equal(
        trainer.predict_quantized(x)[::-1], trainer.predict_quantized(x[::-1])
    )


def _stream(count: int) -> Arrays:
    """One step a sample of a tone that falls (0), stays (1) or rises (2) for a few steps."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(3, 8, count)
    y = np.repeat(generator.integers(0, 3, count), lengths)[:count]
    place = np.cumsum(y - 1)
    distance = (np.arange(_FEATURES) - place[:, None] + _FEATURES / 2) % _FEATURES - _FEATURES / 2
    x = np.exp(-0.5 * distance**2) + 0.1 * generator.standard_normal(distance.shape)
    return x.astype(np.float32), y


def test_dense_head_behind_a_streaming_svdf() -> None:
    """A step says nothing without those before it, which are in the state of the SVDF."""
    content = svdf_classifier(_FEATURES, units=32, memory=4, classes=3)
    flatbuffer = converter.convert(content, update="all").flatbuffer
    x, y = _stream(1500)
    in_order = train(flatbuffer, x, y, learning_rate=0.02, epochs=6, shuffle=False)
    assert in_order.before < 0.45 and in_order.after > 0.6, in_order
    shuffled = train(flatbuffer, x, y, learning_rate=0.02, epochs=6)
    assert shuffled.after < 0.45, shuffled


@pytest.mark.parametrize("kind", ["lstm", "svdf"])
def test_merged_model_infers_like_the_trained_one(kind: str) -> None:
    content = svdf_classifier(_FEATURES, units=32, memory=4, classes=3)
    x, y = _stream(60)
    if kind == "lstm":
        content, (x, y) = lstm_classifier(_STEPS, _FEATURES, 12, _CLASSES), _glides()
    trainer = Trainer(converter.convert(content, update="all").flatbuffer)
    fresh = trainer.predict_quantized(x[:40])
    trainer.reset()
    trainer.fit(x[:40], y[:40], epochs=2, learning_rate=0.05)
    checkpoint = trainer.checkpoint()
    merged = merge(converter.convert(content, update="all").flatbuffer, trainer.variables())
    original = [t.name for t in read_model(content).graph.tensors() if t.is_variable]
    assert [t.name for t in read_model(merged).graph.tensors() if t.is_variable] == original != []
    plain = runtime().Interpreter(merged)
    info = plain.inputs()[0]
    outputs = []
    # Both remember: the same samples pass through both until the state of the start is forgotten.
    for sample in np.concatenate([x[:20], x[:20]]):
        quantized = np.round(sample / info.scale + info.zero_point).clip(-128, 127)
        plain.set_input(0, quantized.astype(np.int8).reshape(info.shape))
        plain.invoke()
        outputs.append(plain.get_output(0)[0])
    trainer.restore(checkpoint)
    expected = trainer.predict_quantized(np.concatenate([x[:20], x[:20]]))
    np.testing.assert_array_equal(np.stack(outputs)[20:], expected[20:].reshape(20, -1))
    assert not np.array_equal(expected[:20], fresh[:20])


def test_layers_in_front_of_a_recurrence_are_refused() -> None:
    model = _keras(
        layers.Dense(6, activation="relu"),
        layers.LSTM(8, unroll=True),
        layers.Dense(_CLASSES, activation="softmax"),
        shape=(_STEPS, _FEATURES),
    )
    content = to_int8(model, _glides()[0][:10])
    count = len(converter.convert(content, update="last:1").training.layers)
    with pytest.raises(NoGradientError, match="no gradient rule; the deepest .* last:1"):
        converter.convert(content, update=f"last:{count}")


def test_state_in_resource_variables_is_refused() -> None:
    class Streaming(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.past = tf.Variable(tf.zeros((1, 4, _FEATURES)))
            weights = np.random.default_rng(1).standard_normal((5 * _FEATURES, _CLASSES))
            self.weights = tf.Variable(weights.astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec((1, 1, _FEATURES))])
        def step(self, x: tf.Tensor) -> tf.Tensor:
            window = tf.concat([self.past, x], 1)
            self.past.assign(window[:, 1:])
            return tf.nn.softmax(tf.reshape(window, (1, -1)) @ self.weights)

    module = Streaming()
    function = module.step.get_concrete_function()
    converting = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    converting.optimizations = [tf.lite.Optimize.DEFAULT]
    frames = _glides()[0][0]
    converting.representative_dataset = lambda: ([f[None, None]] for f in frames)
    converting.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converting.inference_input_type = converting.inference_output_type = tf.int8
    content = converting.convert()
    with pytest.raises(ConverterError, match=r"^wake: keeps its state in resource variables"):
        converter.convert(content, update="all", name="wake")
