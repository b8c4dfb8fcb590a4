"""Every rule, in whole nets, against tf.GradientTape on the dequantised model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import converter
from converter.ir.training_ops import (
    Conv2DFilterUpdate,
    ConvFilterUpdate,
    DepthwiseConv2DFilterUpdate,
)
from converter.model import Graph, Operator, Tensor, read_model
from converter.rules import RULES
from converter.rules.convolution import bias_of, filter_of, input_of
from kernels.conv_2d_grad import twin as conv_2d_twin
from kernels.depthwise_conv_2d_grad import twin as depthwise_twin
from tests.gradcheck.float_reference import FloatReference, dequantize
from tests.gradcheck.step import Step, loss_name, run_step
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS

_REGRESSORS = [builder.__name__ for builder in REGRESSORS]
_SCHEMES = ("all", "last:2")
# Mantissas of 15 bits lose about 1e-4 of a gradient at each operator on the way.
_TOLERANCE = 5e-3


def _train_one(name: str, update: str, seed: int) -> Step:
    loss = "mse" if name in _REGRESSORS else None
    flatbuffer = converter.convert(zoo_model(name), update=update, loss=loss).flatbuffer
    model = read_model(flatbuffer)
    rng = np.random.default_rng(seed)
    source, label = model.graph.inputs[:2]
    sample = rng.integers(-128, 128, source.shape).astype(np.int8)
    if loss == "mse":
        target = rng.integers(-128, 128, label.shape).astype(np.int8)
    else:
        binary = loss_name(model) == "sigmoid_cross_entropy"
        classes = 2 if binary else _logits(model.graph).elements
        target = rng.integers(0, classes, label.shape).astype(np.int32)
    return run_step(flatbuffer, sample, target, learning_rate=0.01)


def _logits(graph: Graph) -> Tensor:
    """What the loss reads."""
    loss = next(op for op in graph.operators if op.name.endswith(("ENTROPY", "ERROR")))
    assert loss.inputs[0] is not None
    return loss.inputs[0]


def _float_loss(step: Step, logits: Tensor, real: tf.Tensor) -> tf.Tensor:
    kind = next(op.name for op in step.backward if op.name.endswith(("ENTROPY", "ERROR")))
    if kind == "MEAN_SQUARED_ERROR":
        return tf.reduce_mean(tf.square(real - dequantize(logits, step.label)))
    if kind == "SIGMOID_CROSS_ENTROPY":
        label = tf.constant(step.label.astype(np.float32).reshape(real.shape))
        return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(label, real))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        int(step.label[0]), tf.reshape(real, [-1])
    )


def _forward_to(step: Step, logits: Tensor) -> list[Operator]:
    place = next(i for i, op in enumerate(step.forward) if op.output is logits)
    return step.forward[: place + 1]


def _relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    expected = expected.reshape(actual.shape)
    return float(np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30))


class _Check:
    """Compares the updates of one step with the tape."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.logits = _logits(step.graph)
        # Weights of the forward pass are those before the step.
        values = step.after | {
            id(t): step.before[id(t)] for t in step.graph.tensors() if t.is_variable
        }
        self.forward = _forward_to(step, self.logits)
        reference = FloatReference(self.forward, values)
        with tf.GradientTape(persistent=True) as tape:
            self.loss = _float_loss(step, self.logits, reference.run(tape, self.logits))
        self.nodes, self.tape = reference.nodes, tape
        self.compared = 0

    def expected(self, tensor: Tensor) -> np.ndarray:
        gradient = self.tape.gradient(self.loss, self.nodes[id(tensor)])
        return gradient.numpy().astype(np.float64)

    def layer(self, parameter: Tensor) -> Operator:
        return next(
            op
            for op in self.forward
            if len(op.inputs) > 1
            and op.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
            and (filter_of(op) is parameter or bias_of(op) is parameter)
        )

    def gradient(self, update: Operator, layer: Operator, mantissa: Tensor, scale: Tensor) -> None:
        """The gradient that an update reads is that of its layer's output."""
        error = _relative_error(
            self.step.real_gradient(mantissa, scale), self.expected(layer.output)
        )
        assert error < _TOLERANCE, f"{update.name} {layer.output}: gradient off by {error:.2e}"

    def filter(self, update: Operator) -> None:
        step = self.step
        source, mantissa, scale, weights = update.inputs[:4]
        assert source and mantissa and scale and weights and update.custom_options
        layer = self.layer(weights)
        self.gradient(update, layer, mantissa, scale)
        sigma = float(step.after[id(scale)][0])
        assert weights.quantization is not None
        record: type[ConvFilterUpdate]
        if update.name == Conv2DFilterUpdate.CUSTOM_CODE:
            record, twin = Conv2DFilterUpdate, conv_2d_twin
        else:
            record, twin = DepthwiseConv2DFilterUpdate, depthwise_twin
        options = record.unpack(update.custom_options)
        sums = twin.filter_gradient(options, step.after[id(source)], step.after[id(mantissa)])
        real = sums * sigma * input_of(layer).scale
        expected = self.expected(weights)
        error = _relative_error(real, expected)
        assert error < _TOLERANCE, f"{update.name} {weights}: filter gradient off by {error:.2e}"
        change = step.after[id(weights)].astype(np.int64) - step.before[id(weights)]
        axis = weights.quantization.quantized_dimension
        shape = [1] * len(weights.shape)
        if weights.quantization.scale.size > 1:
            shape[axis] = -1
        lsb = -step.learning_rate * expected / weights.quantization.scale.reshape(shape)
        wanted = np.clip(lsb, -options.clamp, options.clamp)
        bounded = np.clip(step.before[id(weights)] + wanted, -127, 127) - step.before[id(weights)]
        # Stochastic rounding moves to one of the two neighbours.
        assert np.abs(change - bounded).max() < 1.0 + 1e-2
        self.compared += 1

    def bias(self, update: Operator) -> None:
        step = self.step
        mantissa, scale, bias = update.inputs[:3]
        assert mantissa and scale and bias
        layer = self.layer(bias)
        self.gradient(update, layer, mantissa, scale)
        assert bias.quantization is not None
        expected = -step.learning_rate * self.expected(bias) / bias.quantization.scale
        change = step.after[id(bias)].astype(np.int64) - step.before[id(bias)]
        tolerance = 1.0 + _TOLERANCE * np.abs(expected).max()
        assert np.abs(change - np.clip(expected, -127, 127)).max() <= tolerance
        self.compared += 1


@pytest.mark.parametrize("update", _SCHEMES)
@pytest.mark.parametrize("name", MODELS)
def test_step_follows_the_tape(name: str, update: str) -> None:
    for seed in range(3):
        check = _Check(_train_one(name, update, seed))
        assert check.step.loss == pytest.approx(float(check.loss), rel=1e-3, abs=2e-3)
        for op in check.step.backward:
            if op.name.endswith("FILTER_UPDATE"):
                check.filter(op)
            elif op.name == "BIAS_UPDATE":
                check.bias(op)
        assert check.compared >= 2


def test_zoo_uses_every_rule() -> None:
    """A rule that no net of the zoo goes through would be checked by nothing."""
    used = {
        op.name
        for name in MODELS
        for op in converter.convert(
            zoo_model(name), update="all", loss="mse" if name in _REGRESSORS else None
        ).training.forward
    }
    assert [rule.operators for rule in RULES if not used & set(rule.operators)] == []
