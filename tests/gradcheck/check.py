"""Compares the updates of one step with the tape, in two parts that are sharp each.

The gradients that the kernels come to, before any rounding to weights, must be those of the tape up
to the rounding of their mantissas. The weights must then have moved by just these gradients times
learning rate and scales, up to one unit of stochastic rounding, which must be even on average.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from converter.ir.training_ops import (
    FRACTION,
    Conv2DFilterUpdate,
    ConvFilterUpdate,
    DepthwiseConv2DFilterUpdate,
    TransposeConvFilterUpdate,
)
from converter.model import Operator, Tensor
from converter.passes.training_graph import Source, prepare
from converter.rules.convolution import (
    LARGEST_STEP,
    UNNORMALISED_INPUT,
    bias_of,
    dead_channels,
    input_of,
    largest_real,
)
from kernels.conv_2d_grad import twin as conv_2d_twin
from kernels.depthwise_conv_2d_grad import twin as depthwise_twin
from kernels.transpose_conv_grad import twin as transpose_conv_twin
from tests.gradcheck.float_reference import FloatReference, dequantize
from tests.gradcheck.step import Step

_FILTER_UPDATES: dict[str, tuple[type[ConvFilterUpdate], Any]] = {
    Conv2DFilterUpdate.CUSTOM_CODE: (Conv2DFilterUpdate, conv_2d_twin),
    DepthwiseConv2DFilterUpdate.CUSTOM_CODE: (DepthwiseConv2DFilterUpdate, depthwise_twin),
    TransposeConvFilterUpdate.CUSTOM_CODE: (TransposeConvFilterUpdate, transpose_conv_twin),
}
# Of the rounding to mantissas, half an LSB each, that a gradient may be off in all.
_ROUNDINGS = 1.5
# Factors are float32.
_UNIT = 1.01
# Standard deviations by which the mean of stochastic rounding may be off.
_DEVIATIONS = 6.0


def _float_loss(step: Step, logits: Tensor, real: tf.Tensor) -> tf.Tensor:
    head = step.training.head
    if head.loss == "mse":
        return tf.reduce_mean(tf.square(real - dequantize(logits, step.label)))
    if head.loss == "sigmoid_cross_entropy":
        label = tf.constant(step.label.astype(np.float32).reshape(real.shape))
        return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(label, real))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        int(step.label[0]), head.beta * tf.reshape(real, [-1])
    )


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    expected = expected.reshape(actual.shape)
    return float(np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30))


class Check:
    """tolerance: the relative error of a gradient beside the rounding of its own mantissas, from
    all the roundings on its way."""

    def __init__(self, source: Source, step: Step, tolerance: float) -> None:
        self.step, self.tolerance = step, tolerance
        original = prepare(source)  # the operators as they were before any was lowered
        logits, operators = original.head.logits, original.model.graph.operators
        end = next(i for i, op in enumerate(operators) if op.output is logits)
        self.layers = {layer.index: layer.operator for layer in original.layers}
        reference = FloatReference(operators[: end + 1], step.forward_values())
        with tf.GradientTape() as tape:
            self.loss = _float_loss(step, logits, reference.run(tape, logits))
        self._gradients = tape.gradient(self.loss, reference.nodes)

    def expected(self, name: str) -> np.ndarray:
        return self._gradients[name].numpy().astype(np.float64)

    def all(self) -> int:
        """Check every update; returns how many there were."""
        compared = 0
        layers = self.step.training.layers
        for op in self.step.backward:
            place = 3 if op.name.endswith("FILTER_UPDATE") else 2
            if not op.name.endswith("_UPDATE"):
                continue
            parameter = op.inputs[place]
            index = next(x.index for x in layers if parameter is x.filter or parameter is x.bias)
            check = self._filter if place == 3 else self._bias
            check(op, self.layers[index])
            compared += 1
        return compared

    def _compare(
        self, what: str, actual: np.ndarray, expected: np.ndarray, rounding: np.ndarray | float
    ) -> None:
        """rounding: the standard error that half an LSB of each mantissa makes of an element."""
        norm = max(float(np.linalg.norm(expected)), 1e-30)
        allowed = (
            self.tolerance
            + _ROUNDINGS * float(np.linalg.norm(np.broadcast_to(rounding, actual.shape))) / norm
        )
        error = relative_error(actual, expected)
        assert error < allowed, f"{what}: gradient off by {error:.2e}, not {allowed:.2e}"

    def _gradient(self, layer: Operator, mantissa: Tensor, scale: Tensor) -> float:
        """The gradient that an update reads is that of its layer's output. Returns half an LSB."""
        actual = self.step.real_gradient(mantissa, scale)
        half = 0.5 * float(self.step.after[id(scale)][0])
        self._compare(str(layer.output), actual, self.expected(layer.output.name), half)
        return half

    def _filter(self, update: Operator, layer: Operator) -> None:
        step = self.step
        source, mantissa, scale, weights = update.inputs[:4]
        assert source and mantissa and scale and weights and update.custom_options
        half = self._gradient(layer, mantissa, scale)
        record, twin = _FILTER_UPDATES[update.name]
        options = record.unpack(update.custom_options)
        values = step.after[id(source)]
        sums = twin.filter_gradient(options, values, step.after[id(mantissa)])
        sums = sums[..., : options.channels]
        real = sums * float(step.after[id(scale)][0]) * input_of(layer).scale
        whole = layer.inputs[1]
        assert whole is not None and whole.quantization is not None
        expected = self.expected(whole.name)[..., : options.channels].reshape(real.shape)
        inputs = (values.astype(np.float64) - options.input_zero_point) * input_of(layer).scale
        self._compare(str(weights), real, expected, half * float(np.linalg.norm(inputs)))

        def per_channel(array: np.ndarray) -> np.ndarray:
            if array.size == 1:
                return array
            axis = whole.quantization.quantized_dimension
            shape = [-1 if i == axis else 1 for i in range(len(whole.shape))]
            return array.reshape(shape)[..., : options.channels]

        largest = largest_real(input_of(layer))
        rate = step.learning_rate / (largest**2 if largest > UNNORMALISED_INPUT else 1.0)
        fraction = update.inputs[7]
        one = 1 if fraction is None else FRACTION

        def parameters(content: dict[int, np.ndarray]) -> np.ndarray:
            whole_part = content[id(weights)][..., : options.channels].astype(np.int64)
            rest = 0 if fraction is None else content[id(fraction)][..., : options.channels]
            return whole_part * one + rest

        before = parameters(step.before)
        moved = -rate * real.reshape(before.shape) / per_channel(whole.quantization.scale) * one
        moved = np.where(per_channel(dead_channels(layer)), 0.0, moved)
        self._moved(before, parameters(step.after), moved, options.clamp * one, 127 * one)

    def _bias(self, update: Operator, layer: Operator) -> None:
        step = self.step
        mantissa, scale, bias = update.inputs[:3]
        original = bias_of(layer)
        assert mantissa and scale and bias and original and original.quantization
        half = self._gradient(layer, mantissa, scale)
        mantissas = step.real_gradient(mantissa, scale).reshape(-1, bias.elements)
        real = mantissas.sum(axis=0)
        expected = self.expected(original.name)
        self._compare(str(bias), real, expected, half * np.sqrt(mantissas.shape[0]))
        moved = -step.learning_rate * real / original.quantization.scale
        moved = np.where(dead_channels(layer), 0.0, moved)
        before, after = (c[id(bias)].astype(np.int64) for c in (step.before, step.after))
        self._moved(before, after, moved, LARGEST_STEP, 2**31 - 1)

    def _moved(
        self, before: np.ndarray, after: np.ndarray, moved: np.ndarray, clamp: int, limit: int
    ) -> None:
        """`after` is `before` moved, clamped, and rounded to one of the two neighbours."""
        wanted = np.clip(before + np.clip(moved, -clamp, clamp), -limit, limit)
        rounding = after - wanted
        assert np.abs(rounding).max() < _UNIT
        free = (np.abs(moved) < clamp) & (np.abs(wanted) < limit)
        assert abs(rounding[free].sum()) <= _DEVIATIONS * 0.5 * np.sqrt(free.sum())
