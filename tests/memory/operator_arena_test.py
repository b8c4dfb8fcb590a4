"""The predictor against measured arenas, one operator at a time."""

from __future__ import annotations

import pytest

from converter.memory import CORTEX_M, HOST_64, Target, predict_arena
from converter.memory.targets import TARGETS
from converter.model import Model, Operator, write_model
from tests.memory.builders import activation, model
from tests.memory.cortex_m_measured import USED_BYTES
from tests.memory.operator_models import MODELS
from tflm_training._library import runtime

# The host library would crash in Prepare of these.
HOST_REFUSES = ("ceil", "exp", "round")
HOST_MODELS = [name for name in MODELS if name not in HOST_REFUSES]


@pytest.mark.parametrize("name", HOST_MODELS)
def test_host(name: str) -> None:
    built = MODELS[name]()
    estimate = predict_arena(built, HOST_64)
    assert estimate.exact
    assert estimate.total == runtime().Interpreter(write_model(built)).arena_used_bytes()


@pytest.mark.parametrize("name", HOST_MODELS)
def test_host_starts_in_the_smallest_arena(name: str) -> None:
    built = MODELS[name]()
    estimate = predict_arena(built, HOST_64)
    interpreter = runtime().Interpreter(write_model(built), estimate.smallest_arena)
    assert interpreter.arena_used_bytes() == estimate.total <= estimate.smallest_arena


@pytest.mark.parametrize("name", HOST_REFUSES)
def test_host_names_what_it_refuses(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"opcode '{name.upper()}'"):
        runtime().Interpreter(write_model(MODELS[name]()))


@pytest.mark.parametrize("name", MODELS)
def test_cortex_m(name: str) -> None:
    estimate = predict_arena(MODELS[name](), CORTEX_M)
    assert estimate.exact
    assert estimate.total == USED_BYTES[name]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_operator_of_the_table_is_measured(target: Target) -> None:
    measured = {built().graph.operators[0].name for built in MODELS.values()}
    assert measured == set(target.init_bytes)


def with_unknown_operator(name: str, is_custom: bool) -> Model:
    built = MODELS["relu"]()
    known = built.graph.operators[0]
    built.graph.operators[0] = Operator(name, known.inputs, known.outputs, is_custom=is_custom)
    return built


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize(("name", "is_custom"), [("MY_OPERATOR", True), ("CUMSUM", False)])
def test_unknown_operators_are_named_and_overestimated(
    name: str, is_custom: bool, target: Target
) -> None:
    estimate = predict_arena(with_unknown_operator(name, is_custom), target)
    assert not estimate.exact
    assert estimate.unknown_operators == (name,)
    assert estimate.total > predict_arena(MODELS["relu"](), target).total + 1024


def test_an_unknown_operator_is_overestimated_on_the_host() -> None:
    output = activation((1, 9), 16 / 256, 127)
    built = model("LOG_SOFTMAX", [activation((1, 9))], [output], "LogSoftmaxOptions")
    estimate = predict_arena(built, HOST_64)
    assert estimate.unknown_operators == ("LOG_SOFTMAX",)
    assert estimate.total > runtime().Interpreter(write_model(built)).arena_used_bytes()
