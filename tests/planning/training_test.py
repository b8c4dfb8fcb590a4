"""A planned model trains to the same bits as an unplanned one, in no more arena."""

from __future__ import annotations

import random

import pytest

from converter.memory import CORTEX_M, OFFLINE_PLAN, predict_arena
from converter.model import Model
from converter.passes.training_graph import Lowering
from converter.planning import plan_memory
from converter.planning.order import candidate_orders, is_valid_order
from converter.planning.placement import height, place
from converter.planning.plan import offline_plan
from converter.planning.problem import build_problem
from tests.planning.memory_check import assert_alignment, assert_nothing_is_overwritten
from tests.planning.training import (
    LOWERINGS,
    assert_same,
    random_training_graph,
    train,
    training_graph,
)
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS, REGRESSORS

_REGRESSORS = [builder.__name__ for builder in REGRESSORS]


def _check_planned(model: Model) -> None:
    expected = train(model)
    given = list(model.graph.operators)
    unplanned = predict_arena(model, CORTEX_M)
    plan = plan_memory(model)
    assert is_valid_order(given, model.graph.operators)
    assert plan.unplanned.total == unplanned.total
    assert plan.arena.total == predict_arena(model, CORTEX_M).total <= unplanned.total
    assert plan.arena.smallest_arena <= unplanned.smallest_arena
    assert plan.has_offsets == (OFFLINE_PLAN in model.metadata)
    assert_alignment(plan.arena)
    assert_nothing_is_overwritten(model.graph, plan.arena)
    assert_same(expected, train(model))


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("update", ["all", "bias:3"])
@pytest.mark.parametrize("name", MODELS)
def test_zoo_models(name: str, update: str, lowering: Lowering) -> None:
    loss = "mse" if name in _REGRESSORS else None
    _check_planned(training_graph(zoo_model(name), update, loss, lowering).model)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    _check_planned(random_training_graph(seed).model)


def test_planning_pays() -> None:
    """The tests above would pass if nothing were ever planned."""
    plans = [plan_memory(random_training_graph(seed).model) for seed in range(20)]
    better = [plan for plan in plans if plan.arena.total < plan.unplanned.total]
    assert len(better) >= 10 and any(plan.has_offsets for plan in better)


def _check_placements(model: Model, generator: random.Random) -> None:
    """Not only the best one: a random placement of every order uses all that the sharing
    rules allow."""
    expected = train(model)
    for operators in list(candidate_orders(model.graph)):
        assert is_valid_order(model.graph.operators, operators)
        model.graph.operators = operators
        model.metadata.pop(OFFLINE_PLAN, None)
        problem = build_problem(model.graph, CORTEX_M)
        sequence = list(range(len(problem.items)))
        generator.shuffle(sequence)
        placement = place(problem, sequence, best_fit=generator.random() < 0.5)
        assert height(problem, placement) >= problem.bound
        model.metadata[OFFLINE_PLAN] = offline_plan(model, problem, placement)
        assert_nothing_is_overwritten(model.graph, predict_arena(model, CORTEX_M))
        assert_same(expected, train(model))


@pytest.mark.parametrize("seed", range(100, 145))
def test_any_placement_of_a_random_network(seed: int) -> None:
    _check_placements(random_training_graph(seed).model, random.Random(seed))


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("name", MODELS)
def test_any_placement_of_a_zoo_model(name: str, lowering: Lowering) -> None:
    loss = "mse" if name in _REGRESSORS else None
    model = training_graph(zoo_model(name), "bias:3", loss, lowering).model
    _check_placements(model, random.Random(7))
