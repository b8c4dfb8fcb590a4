"""What `auto` chooses: within the budget, never worth less than last:K, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from converter.conversion import TrainingModel, convert
from converter.errors import ConverterError
from converter.memory import CORTEX_M, predict_arena
from converter.passes.training_graph import Lowering, Source, build_training_graph, prepare
from converter.planning import plan_memory
from converter.search.auto import choose_scheme, find_gains
from converter.search.estimate import NEVER, Estimator
from converter.search.fit import Limit, fit
from converter.search.gain import INT8_WORTH, Gains, expected_gain
from converter.search.scheme import Scheme, last
from tests.planning.random_nets import RandomNet
from tests.zoo.int8 import zoo_model
from tflm_training._library import runtime


def _nothing(done: float, total: int) -> None:
    pass


def _convert(flatbuffer: bytes, budget: int) -> TrainingModel | None:
    try:
        return convert(flatbuffer, budget=budget)
    except ConverterError as error:
        assert "the smallest update" in str(error) or "cannot be trained" in str(error)
        return None


def _train_one_step(converted: TrainingModel) -> None:
    interpreter = runtime().Interpreter(converted.flatbuffer)
    assert interpreter.arena_used_bytes() == converted.arena_host.total
    sample, label = interpreter.inputs()[:2]
    random = np.random.default_rng(1)
    interpreter.set_input(0, random.integers(-128, 128, sample.shape).astype(np.int8))
    interpreter.set_input(1, np.zeros(label.shape, label.dtype))
    interpreter.set_input(2, np.array([0.05], np.float32))
    interpreter.invoke()
    assert np.isfinite(interpreter.get_output(1)[0])


def _gain(source: Source, scheme: Scheme, limit: Limit, gains: Gains) -> float:
    fitted = fit(source, scheme, limit)
    if not limit.holds(fitted.plan):
        return 0.0
    return (INT8_WORTH if fitted.lowering.gradient_bits == 8 else 1.0) * expected_gain(
        gains, scheme
    )


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_and_budgets(seed: int) -> None:
    """It fits, runs in the arena that was predicted, and gains at least what last:K does."""
    flatbuffer = RandomNet(300 + seed).flatbuffer()
    source = Source(flatbuffer, "model")
    full = convert(flatbuffer)
    budget = int(full.arena.smallest_arena * np.random.default_rng(seed).uniform(0.5, 1.0))
    converted = _convert(flatbuffer, budget)
    if converted is None:
        with pytest.raises(ConverterError):
            convert(flatbuffer, budget=budget, update="last:1")
        return
    assert converted.arena.smallest_arena <= budget
    assert predict_arena(converted.training.model, CORTEX_M).smallest_arena <= budget
    _train_one_step(converted)
    gains = find_gains(source, None, _nothing)
    layers, limit = prepare(source).layers, Limit(budget)
    found = _gain(source, converted.training.scheme, limit, gains)
    for count in range(1, len(layers) + 1):
        assert found >= _gain(source, last(layers, count), limit, gains)


def test_everything_is_trained_if_it_fits() -> None:
    flatbuffer = zoo_model("residual")
    needed = convert(flatbuffer, update="all").arena.smallest_arena
    converted = convert(flatbuffer, budget=2 * needed)
    layers = converted.training.layers
    assert converted.training.scheme == last(layers, len(layers))
    assert convert(flatbuffer).training.scheme == last(layers, len(layers))


def test_more_budget_gains_more() -> None:
    source = Source(zoo_model("residual"), "residual")
    gains = find_gains(source, None, _nothing)
    found = [choose_scheme(source, Limit(budget), gains, _nothing).gain for budget in (5200, 8000)]
    assert found == sorted(found) and found[0] < found[-1]


def test_sparse_beats_the_last_layers() -> None:
    """Between two last:K there is room that only a sparse update uses."""
    source = Source(zoo_model("residual"), "residual")
    gains = find_gains(source, None, _nothing)
    layers = prepare(source).layers
    limit = Limit(fit(source, last(layers, 4), Limit(1)).plan.arena.smallest_arena - 16)
    choice = choose_scheme(source, limit, gains, _nothing)
    assert choice.gain > expected_gain(gains, last(layers, 3))


def test_same_every_time() -> None:
    source = Source(zoo_model("depthwise"), "depthwise")
    x = np.random.default_rng(0).integers(-128, 128, (20, 9, 10, 3)).astype(np.int8)
    data = x, np.arange(20) % 5
    first, second = (
        choose_scheme(source, Limit(6000), find_gains(source, data, _nothing), _nothing)
        for _ in range(2)
    )
    assert first == second


def test_estimate_is_close_to_the_plan() -> None:
    source = Source(zoo_model("residual"), "residual")
    layers = prepare(source).layers
    lowering = Lowering(whole=True)
    estimator = Estimator(source, lowering)
    for count in range(1, len(layers) + 1):
        model = build_training_graph(source, last(layers, count), lowering).model
        planned = plan_memory(model).arena.smallest_arena
        assert estimator.arena(last(layers, count)) == pytest.approx(planned, rel=0.03)
    evaluations = estimator.evaluations
    assert estimator.arena(last(layers, 1)) < NEVER
    assert estimator.evaluations == evaluations == len(layers)


def test_every_layer_is_explained() -> None:
    source = Source(zoo_model("residual"), "residual")
    gains = find_gains(source, None, _nothing)
    choice = choose_scheme(source, Limit(5200), gains, _nothing)
    layers = prepare(source).layers
    assert set(choice.why) == {layer.index for layer in layers}
    for index, reason in choice.why.items():
        assert reason.startswith("in: " if index in choice.scheme else "out: ")
    assert any("KB more than the budget" in r or "too small" in r for r in choice.why.values())
