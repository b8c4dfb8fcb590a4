"""Every rule, in whole nets, against tf.GradientTape on the dequantised model."""

from __future__ import annotations

import numpy as np
import pytest

from converter.passes.training_graph import Lowering, Source, build_training_graph, prepare
from converter.rules import RULES
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme, parse_scheme
from tests.gradcheck.check import Check
from tests.gradcheck.step import rate_of_large_steps, train_one
from tests.op_cases.models import OP_MODELS, OpModel
from tests.op_cases.steps import source_of
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS

_REGRESSORS = [builder.__name__ for builder in REGRESSORS]
# What the roundings on the way of a gradient through a whole net come to, and through one operator.
_TOLERANCE = {16: 4e-3, 8: 0.15}
_TOLERANCE_OF_ONE = {16: 6e-4, 8: 0.1}


def _source(name: str) -> Source:
    return Source(zoo_model(name), name, "mse" if name in _REGRESSORS else None)


def _check(name: str, scheme: Scheme, lowering: Lowering, seed: int) -> int:
    source = _source(name)
    step = train_one(build_training_graph(source, scheme, lowering), seed)
    check = Check(source, step, _TOLERANCE[lowering.gradient_bits])
    assert step.loss == pytest.approx(float(check.loss), rel=1e-3, abs=2e-3)
    return check.all()


@pytest.mark.parametrize(
    ("model", "gradient_bits"),
    [*((model, 16) for model in OP_MODELS), *((model, 8) for model in OP_MODELS[::7])],
    ids=lambda value: f"{value.operator}: {value.name}" if isinstance(value, OpModel) else value,
)
def test_every_operator_follows_the_tape(model: OpModel, gradient_bits: int) -> None:
    """With steps as large as they may be and weights of 16 bits: a wrong step is many units."""
    source = source_of(model)
    scheme = parse_scheme("all", prepare(source).layers)
    lowering = Lowering(whole=True, gradient_bits=gradient_bits, weight_bits=16)
    training = build_training_graph(source, scheme, lowering)
    rate = rate_of_large_steps(train_one(training, seed=1))
    step = train_one(training, seed=1, learning_rate=rate)
    check = Check(source, step, _TOLERANCE_OF_ONE[gradient_bits])
    assert step.loss == pytest.approx(float(check.loss), rel=1e-3, abs=2e-3)
    assert check.all() >= 2


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
