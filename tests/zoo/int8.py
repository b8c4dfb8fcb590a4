"""Keras models as int8 flatbuffers."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tests.zoo.keras_models import MODELS

_SEED = 7
_SAMPLES = 32


def calibration_data(shape: tuple[int, ...]) -> np.ndarray:
    """float32 [32, *shape], standard normal."""
    rng = np.random.default_rng(_SEED)
    return rng.standard_normal((_SAMPLES, *shape)).astype(np.float32)


def to_int8(model: tf.keras.Model, samples: np.ndarray, io_type: tf.DType = tf.int8) -> bytes:
    """Full int8 quantisation after training, as the TensorFlow guide shows it."""

    def representative_dataset() -> Iterator[list[np.ndarray]]:
        for sample in samples:
            yield [sample[None]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_dataset
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = io_type
    converter.inference_output_type = io_type
    return bytes(converter.convert())


@functools.cache
def zoo_model(name: str) -> bytes:
    """The int8 flatbuffer of a zoo model, made once per process."""
    tf.keras.utils.set_random_seed(_SEED)
    model = MODELS[name]()
    # A fresh bias is zero, which the converter would drop.
    for variable in model.trainable_variables:
        if variable.name == "bias":
            variable.assign(tf.random.normal(variable.shape, stddev=0.1))
    return to_int8(model, calibration_data(model.input_shape[1:]))
