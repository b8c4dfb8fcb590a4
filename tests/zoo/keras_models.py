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


def decoder() -> tf.keras.Model:
    """A picture that is made small, and large again by TRANSPOSE_CONV."""
    return _sequential(
        layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(5, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(4, (2, 3), strides=(1, 2), padding="valid", activation="relu6"),
        layers.Conv2DTranspose(3, 3, strides=(2, 1), padding="same", use_bias=False),
        shape=(8, 12, 2),
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


def _normalised(x: tf.Tensor, activation: str | None) -> tf.Tensor:
    x = layers.BatchNormalization(momentum=0.5)(x)
    return x if activation is None else layers.Activation(activation)(x)


def _squeeze_and_excite(x: tf.Tensor, gate: str) -> tf.Tensor:
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(max(2, channels // 4), 1, activation="relu")(y)
    y = layers.Conv2D(channels, 1, activation=gate)(y)
    return layers.Multiply()([x, y])


def _bottleneck(
    x: tf.Tensor, expanded: int, channels: int, kernel: int, strides: int, activation: str,
    squeezes: bool,
) -> tf.Tensor:  # fmt: skip
    y = _normalised(layers.Conv2D(expanded, 1, use_bias=False)(x), activation)
    y = layers.DepthwiseConv2D(kernel, strides=strides, padding="same", use_bias=False)(y)
    y = _normalised(y, activation)
    if squeezes:
        y = _squeeze_and_excite(y, "hard_sigmoid")
    y = _normalised(layers.Conv2D(channels, 1, use_bias=False)(y), None)
    return layers.Add()([x, y]) if x.shape == y.shape else y


def mobilenet_v3(size: int = 32, channels: int = 3, classes: int = 4) -> tf.keras.Model:
    """Four blocks of MobileNetV3-Small, Howard et al. 2019, table 2."""
    inputs = layers.Input((size, size, channels))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = _normalised(x, "hard_swish")
    x = _bottleneck(x, 8, 8, 3, 2, "relu", squeezes=True)
    x = _bottleneck(x, 24, 12, 3, 2, "relu", squeezes=False)
    x = _bottleneck(x, 32, 12, 5, 1, "hard_swish", squeezes=True)
    x = _bottleneck(x, 32, 16, 5, 2, "hard_swish", squeezes=True)
    x = _normalised(layers.Conv2D(32, 1, use_bias=False)(x), "hard_swish")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(24, 1, activation="hard_swish")(x)
    x = layers.Flatten()(layers.Conv2D(classes, 1)(x))
    model = tf.keras.Model(inputs, layers.Softmax()(x))
    samples = tf.random.stateless_normal((64, size, size, channels), (1, 2))
    for _ in range(10):  # or activations would fade from layer to layer
        model(samples, training=True)
    return model


def gated() -> tf.keras.Model:
    """Swish as x * sigmoid(x), gates of dense layers, of positions and of constants."""
    inputs = layers.Input((7, 6, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="swish")(inputs)
    gate = layers.Dense(3, activation="swish")(layers.GlobalAveragePooling2D()(x))
    gate = layers.Reshape((1, 1, 6))(layers.Dense(6, activation="sigmoid")(gate))
    x = layers.Multiply()([x, gate])
    x = layers.Multiply()([layers.Conv2D(1, 1, activation="sigmoid")(x), x])
    x = layers.Conv2D(5, 1)(x * tf.constant([0.5, -1.5, 1.0, 2.0, 0.25, 3.0]))
    y = layers.ReLU(6.0)(layers.Multiply()([x, layers.Conv2D(5, 1)(x)]) * -2.0)
    x = layers.Activation("hard_sigmoid")(layers.Subtract()([x, y]))
    x = layers.Flatten()(x)
    return tf.keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def differences() -> tf.keras.Model:
    """LEAKY_RELU, SUB, a LOGISTIC of what was clamped, and sums that broadcast."""
    inputs = layers.Input((6, 8, 2))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(5, 3)(inputs))
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Subtract()([x, mean])
    y = layers.Activation("sigmoid")(layers.Conv2D(5, 1, activation="relu")(x))
    x = layers.Subtract()([x, y])
    x = layers.ReLU()(layers.Add()([layers.Conv2D(5, 1)(mean), x]))
    x = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(4, 1, activation="relu")(x))
    x = layers.Flatten()(x)
    return tf.keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


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
    mobilenet_v3,
    gated,
    differences,
)
REGRESSORS: tuple[Callable[[], tf.keras.Model], ...] = (autoencoder, decoder)
MODELS = {builder.__name__: builder for builder in (*CLASSIFIERS, *REGRESSORS)}
