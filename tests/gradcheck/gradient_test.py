"""Every rule, in whole nets, against tf.GradientTape on the dequantised model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.ir.training_ops import (
    FRACTION,
    Conv2DFilterUpdate,
    ConvFilterUpdate,
    DepthwiseConv2DFilterUpdate,
)
from converter.model import Operator, Tensor
from converter.passes.training_graph import Lowering, Source, build_training_graph, prepare
from converter.rules import RULES
from converter.rules.convolution import input_of
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme, parse_scheme
from kernels.conv_2d_grad import twin as conv_2d_twin
from kernels.depthwise_conv_2d_grad import twin as depthwise_twin
from tests.gradcheck.float_reference import FloatReference, dequantize
from tests.gradcheck.step import Step, run_step
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS

_REGRESSORS = [builder.__name__ for builder in REGRESSORS]
_LEARNING_RATE = 0.01
# Mantissas of 15 bits lose about 1e-4 of a gradient at each operator on the way.
_TOLERANCE = {16: 5e-3, 8: 0.15}


def _source(name: str) -> Source:
    return Source(zoo_model(name), name, "mse" if name in _REGRESSORS else None)


def _train_one(source: Source, scheme: Scheme, lowering: Lowering, seed: int) -> Step:
    training = build_training_graph(source, scheme, lowering)
    rng = np.random.default_rng(seed)
    sample, label = training.model.graph.inputs[:2]
    if training.head.loss == "mse":
        target = rng.integers(-128, 128, label.shape).astype(np.int8)
    else:
        target = rng.integers(0, training.head.num_classes, label.shape).astype(np.int32)
    values = rng.integers(-128, 128, sample.shape).astype(np.int8)
    return run_step(training, values, target, _LEARNING_RATE)


def _float_loss(step: Step, logits: Tensor, real: tf.Tensor) -> tf.Tensor:
    loss = step.training.head.loss
    if loss == "mse":
        return tf.reduce_mean(tf.square(real - dequantize(logits, step.label)))
    if loss == "sigmoid_cross_entropy":
        label = tf.constant(step.label.astype(np.float32).reshape(real.shape))
        return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(label, real))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        int(step.label[0]), tf.reshape(real, [-1])
    )


def _relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    expected = expected.reshape(actual.shape)
    return float(np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30))


class _Check:
    """Compares the updates of one step with the tape."""

    def __init__(self, source: Source, step: Step, tolerance: float) -> None:
        self.step, self.tolerance = step, tolerance
        original = prepare(source)  # the operators as they were before any was lowered
        logits, operators = original.head.logits, original.model.graph.operators
        end = next(i for i, op in enumerate(operators) if op.output is logits)
        self.layers = {layer.index: layer.operator for layer in original.layers}
        reference = FloatReference(operators[: end + 1], step.forward_values())
        with tf.GradientTape(persistent=True) as tape:
            self.loss = _float_loss(step, logits, reference.run(tape, logits))
        self.nodes, self.tape = reference.nodes, tape

    def expected(self, name: str) -> np.ndarray:
        gradient = self.tape.gradient(self.loss, self.nodes[name])
        return gradient.numpy().astype(np.float64)

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

    def _gradient(self, layer: Operator, mantissa: Tensor, scale: Tensor) -> None:
        """The gradient that an update reads is that of its layer's output."""
        actual = self.step.real_gradient(mantissa, scale)
        error = _relative_error(actual, self.expected(layer.output.name))
        assert error < self.tolerance, f"{layer.output}: gradient off by {error:.2e}"

    def _filter(self, update: Operator, layer: Operator) -> None:
        step = self.step
        source, mantissa, scale, weights = update.inputs[:4]
        assert source and mantissa and scale and weights and update.custom_options
        self._gradient(layer, mantissa, scale)
        record: type[ConvFilterUpdate]
        if update.name == Conv2DFilterUpdate.CUSTOM_CODE:
            record, twin = Conv2DFilterUpdate, conv_2d_twin
        else:
            record, twin = DepthwiseConv2DFilterUpdate, depthwise_twin
        options = record.unpack(update.custom_options)
        sums = twin.filter_gradient(options, step.after[id(source)], step.after[id(mantissa)])
        sums = sums[..., : options.channels]
        real = sums * float(step.after[id(scale)][0]) * input_of(layer).scale
        whole = layer.inputs[1]
        assert whole is not None and whole.quantization is not None
        expected = self.expected(whole.name)[..., : options.channels]
        error = _relative_error(real, expected)
        assert error < self.tolerance, f"{weights}: filter gradient off by {error:.2e}"

        scales = whole.quantization.scale
        if scales.size > 1:
            axis = whole.quantization.quantized_dimension
            scales = scales.reshape([-1 if i == axis else 1 for i in range(len(whole.shape))])
            scales = scales[..., : options.channels]
        before = step.before[id(weights)].astype(np.int64)
        change = (step.after[id(weights)] - before)[..., : options.channels]
        fraction = update.inputs[7]
        if fraction is not None:
            change = change + step.after[id(fraction)][..., : options.channels] / FRACTION
        unclamped = -step.learning_rate * expected / scales
        wanted = np.clip(unclamped, -options.clamp, options.clamp)
        start = before[..., : options.channels]
        bounded = np.clip(start + wanted, -127, 127) - start
        # Stochastic rounding moves to one of the two neighbours.
        slack = 1.01 * (1.0 if fraction is None else 1.0 / FRACTION)
        slack += self.tolerance * np.abs(unclamped).max()
        assert np.abs(change - bounded).max() < slack

    def _bias(self, update: Operator, layer: Operator) -> None:
        step = self.step
        mantissa, scale, bias = update.inputs[:3]
        assert mantissa and scale and bias and layer.inputs[2] and layer.inputs[2].quantization
        self._gradient(layer, mantissa, scale)
        gradient = self.expected(layer.inputs[2].name)
        expected = -step.learning_rate * gradient / layer.inputs[2].quantization.scale
        change = step.after[id(bias)].astype(np.int64) - step.before[id(bias)]
        slack = 1.0 + self.tolerance * np.abs(expected).max()
        assert np.abs(change - np.clip(expected, -127, 127)).max() <= slack


def _check(name: str, scheme: Scheme, lowering: Lowering, seed: int) -> int:
    source = _source(name)
    step = _train_one(source, scheme, lowering, seed)
    check = _Check(source, step, _TOLERANCE[lowering.gradient_bits])
    assert step.loss == pytest.approx(float(check.loss), rel=1e-3, abs=2e-3)
    return check.all()


@pytest.mark.parametrize("update", ["all", "last:2"])
@pytest.mark.parametrize("name", MODELS)
def test_step_follows_the_tape(name: str, update: str) -> None:
    scheme = parse_scheme(update, prepare(_source(name)).layers)
    for seed in range(3):
        assert _check(name, scheme, Lowering(), seed) >= 2


@pytest.mark.parametrize("name", MODELS)
def test_slices_follow_the_tape(name: str) -> None:
    """Every layer trains some of its channels; activations are saved in part, masks in bits."""
    layers = prepare(_source(name)).layers
    rng = np.random.default_rng(3)
    scheme = {
        layer.index: LayerUpdate(
            layer.bias is not None, int(rng.integers(1, layer.channels + 1)), layer.channels
        )
        for layer in layers
    }
    assert _check(name, scheme, Lowering(whole=True), seed=1) >= len(layers)


@pytest.mark.parametrize("name", MODELS)
def test_int8_gradients_follow_the_tape(name: str) -> None:
    scheme = parse_scheme("last:3", prepare(_source(name)).layers)
    assert _check(name, scheme, Lowering(gradient_bits=8), seed=2) >= 2


@pytest.mark.parametrize("name", MODELS)
def test_weights_with_fractions_follow_the_tape(name: str) -> None:
    scheme = parse_scheme("all", prepare(_source(name)).layers)
    assert _check(name, scheme, Lowering(weight_bits=16), seed=4) >= 2


def test_zoo_uses_every_rule() -> None:
    """A rule that no net of the zoo goes through would be checked by nothing."""
    used = {op.name for name in MODELS for op in prepare(_source(name)).model.graph.operators}
    assert [rule.operators for rule in RULES if not used & set(rule.operators)] == []
