"""Makes digits_int8.tflite: a small convolutional net that reads printed digits only.

Needs TensorFlow. The result is kept beside this file, so the demo does not run it.

    python -m examples.digits.pretrain
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from examples.digits.data import CLASSES, SIZE, handwritten_digits
from examples.digits.printed_digits import printed_digits

MODEL = Path(__file__).with_name("digits_int8.tflite")
_SEED = 1
_TRAIN_SAMPLES = 12000
_TEST_SAMPLES = 2000
_CALIBRATION_SAMPLES = 300
_EPOCHS = 12

layers = tf.keras.layers


def _convolution(x: tf.Tensor, convolution: layers.Layer, name: str) -> tf.Tensor:
    return layers.ReLU(name=name)(layers.BatchNormalization()(convolution(x)))


def build_model() -> tf.keras.Model:
    """float32 [N, 8, 8, 1] -> probabilities [N, 10]; convolutions separable by depth."""
    inputs = layers.Input((SIZE, SIZE, 1), name="image")
    x = _convolution(inputs, layers.Conv2D(16, 3, padding="same", use_bias=False), "conv")
    for block, (channels, stride) in enumerate(((32, 1), (48, 2), (64, 1)), start=1):
        depthwise = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)
        x = _convolution(x, depthwise, f"depthwise_{block}")
        x = _convolution(x, layers.Conv2D(channels, 1, use_bias=False), f"pointwise_{block}")
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(CLASSES, activation="softmax", name="classifier")(x)
    return tf.keras.Model(inputs, outputs, name="digits")


def to_int8(model: tf.keras.Model, samples: np.ndarray) -> bytes:
    """Full integer quantisation after training, calibrated on samples [N, 8, 8, 1]."""

    def representative_dataset() -> Iterator[list[np.ndarray]]:
        for sample in samples:
            yield [sample[None]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_dataset
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main() -> None:
    tf.keras.utils.set_random_seed(_SEED)
    tf.config.experimental.enable_op_determinism()
    x, y = printed_digits(_TRAIN_SAMPLES, seed=_SEED)
    model = build_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=_EPOCHS, verbose=2)
    _, printed = model.evaluate(*printed_digits(_TEST_SAMPLES, seed=_SEED + 1), verbose=0)
    real = handwritten_digits()
    _, handwritten = model.evaluate(real["x_test"], real["y_test"], verbose=0)
    MODEL.write_bytes(to_int8(model, x[:_CALIBRATION_SAMPLES]))
    print(f"printed digits {100 * printed:.1f} %, handwritten digits {100 * handwritten:.1f} %")
    print(f"wrote {MODEL.name}, {MODEL.stat().st_size} bytes")


if __name__ == "__main__":
    main()
