"""Keras models that between them use every operator with a gradient rule.

Each builder returns an untrained tf.keras.Model with a fixed seed; shapes are odd on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

layers = tf.keras.layers


def _sequential(*stack: tf.keras.layers.Layer, shape: tuple[int, ...]) -> tf.keras.Model:
    return tf.keras.Sequential([layers.Input(shape), *stack])


def dense() -> tf.keras.Model:
    return _sequential(
        layers.Dense(13, activation="relu"),
        layers.Dense(7, activation="relu6"),
        layers.Dense(4, activation="softmax"),
        shape=(21,),
    )


def conv_2d() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(9, (2, 3), strides=(1, 2), padding="valid", activation="relu6"),
        layers.Conv2D(5, 1),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
        shape=(11, 13, 3),
    )


def depthwise() -> tf.keras.Model:
    return _sequential(
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu"),
        layers.Conv2D(7, 1, activation="relu6"),
        layers.DepthwiseConv2D(3, strides=2, padding="valid", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, activation="softmax"),
        shape=(9, 10, 3),
    )


def residual() -> tf.keras.Model:
    inputs = layers.Input((8, 8, 4))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    y = layers.Conv2D(12, 1, activation="relu6")(x)
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(y)
    y = layers.Conv2D(6, 1)(y)
    x = layers.Add()([x, y])
    y = layers.Conv2D(6, 3, padding="same")(x)
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.AveragePooling2D(8)(x)
    x = layers.Flatten()(x)
    return tf.keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def concatenated() -> tf.keras.Model:
    inputs = layers.Input((7, 9, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    b = layers.Conv2D(5, 1)(inputs)
    x = layers.ReLU(6.0)(layers.Concatenate()([a, b]))
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.Flatten()(x)
    return tf.keras.Model(inputs, layers.Dense(3)(x))


def pooled() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(5, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 3, padding="same", activation="relu"),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.Conv2D(6, 1, activation="relu"),
        layers.MaxPooling2D(3, strides=1, padding="same"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
        shape=(13, 11, 2),
    )


def padded() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(4, 1, activation="relu"),
        layers.ZeroPadding2D(((1, 2), (0, 1))),
        layers.Conv2D(5, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
        shape=(8, 8, 3),
    )


def dilated() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu"),
        layers.Conv2D(5, 3, dilation_rate=(3, 2), padding="valid", activation="relu"),
        layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
        shape=(12, 12, 2),
    )


def conv_1d() -> tf.keras.Model:
    return _sequential(
        layers.Conv1D(6, 5, strides=2, padding="same", activation="relu"),
        layers.Conv1D(8, 3, padding="causal", activation="relu"),
        layers.Conv1D(5, 3, dilation_rate=2, padding="same", activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3, activation="softmax"),
        shape=(31, 4),
    )


def binary() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(4, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(6, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
        shape=(6, 7, 2),
    )


def batch_normalised() -> tf.keras.Model:
    return _sequential(
        layers.Conv2D(6, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Conv2D(4, 1),
        layers.Flatten(),
        layers.Softmax(),
        shape=(8, 8, 3),
    )


def autoencoder() -> tf.keras.Model:
    return _sequential(
        layers.Dense(12, activation="relu"),
        layers.Dense(4, activation="relu"),
        layers.Dense(12, activation="relu"),
        layers.Dense(24),
        shape=(24,),
    )


def embedding_of_steps() -> tf.keras.Model:
    """A Dense layer over each time step: FULLY_CONNECTED with several rows."""
    return _sequential(
        layers.Dense(8, activation="relu"),
        layers.Dense(6, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
        shape=(5, 7),
    )


CLASSIFIERS: tuple[Callable[[], tf.keras.Model], ...] = (
    dense,
    conv_2d,
    depthwise,
    residual,
    concatenated,
    pooled,
    padded,
    dilated,
    conv_1d,
    binary,
    batch_normalised,
    embedding_of_steps,
)
REGRESSORS: tuple[Callable[[], tf.keras.Model], ...] = (autoencoder,)
MODELS = {builder.__name__: builder for builder in (*CLASSIFIERS, *REGRESSORS)}
