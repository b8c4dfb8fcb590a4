"""The predictor on whole graphs: lifetimes, variables, several inputs, offline plans."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest

from converter.memory import (
    CORTEX_M,
    HOST_64,
    OFFLINE_PLAN,
    ScratchMemory,
    TensorMemory,
    predict_arena,
)
from converter.model import Graph, Model, Operator, Tensor, read_model, write_model
from tests.memory.builders import activation, options, weights
from tflm_training._library import runtime


def host_bytes(model: Model) -> int:
    return int(runtime().Interpreter(write_model(model)).arena_used_bytes())


def add(left: Tensor, right: Tensor, output: Tensor) -> Operator:
    return Operator("ADD", [left, right], [output], *options("AddOptions"))


def relu(source: Tensor, output: Tensor) -> Operator:
    return Operator("RELU", [source], [output])


def offline_plan(offsets: list[int]) -> dict[str, bytes]:
    return {OFFLINE_PLAN: struct.pack(f"<{3 + len(offsets)}i", 1, 0, len(offsets), *offsets)}


def random_model(seed: int, operators: int) -> Model:
    """Operators on random earlier tensors of random sizes, of one or two inputs."""
    generator = np.random.default_rng(seed)
    inputs = [activation((1, int(generator.integers(1, 900)))) for _ in range(3)]
    tensors, nodes = list(inputs), []
    for _ in range(operators):
        source = tensors[int(generator.integers(max(0, len(tensors) - 8), len(tensors)))]
        if generator.random() < 0.4:
            other = tensors[int(generator.integers(len(tensors)))]
            output = activation((1, source.shape[1] + other.shape[1]))
            kind = options("ConcatenationOptions", axis=1)
            nodes.append(Operator("CONCATENATION", [source, other], [output], *kind))
        else:
            width = int(generator.integers(1, 900))
            output = activation((1, width))
            kind = options("FullyConnectedOptions")
            filters = weights((width, source.shape[1]))
            nodes.append(Operator("FULLY_CONNECTED", [source, filters, None], [output], *kind))
        tensors.append(output)
    return Model(Graph(inputs, [tensors[-1], tensors[len(tensors) // 2]], nodes))


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    model = random_model(seed, 5 + 2 * seed)
    assert predict_arena(model, HOST_64).total == host_bytes(model)


def test_the_plan_has_no_overlaps() -> None:
    estimate = predict_arena(random_model(3, 60), CORTEX_M)
    planned: list[TensorMemory | ScratchMemory] = [*estimate.tensors, *estimate.scratch]
    for i, one in enumerate(planned):
        assert 0 <= one.offset and one.offset + one.size <= estimate.head
        for other in planned[:i]:
            alive = (
                one.lifetime.first <= other.lifetime.last
                and other.lifetime.first <= one.lifetime.last
            )
            apart = one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
            assert apart or not alive


def test_several_inputs_one_of_them_unused() -> None:
    first, second, unused = activation((1, 100)), activation((1, 100)), activation((1, 333))
    output = activation((1, 100))
    model = Model(Graph([first, unused, second], [output], [add(first, second, output)]))
    assert predict_arena(model, HOST_64).total == host_bytes(model)


def test_tensors_without_producer_or_consumer() -> None:
    source, output, loose, ignored = (activation((1, 100 + i)) for i in range(4))
    nodes = [
        relu(source, activation((1, 100))),
        Operator("SPLIT_V", [], [ignored, output]),
        relu(loose, activation((1, 102))),
    ]
    estimate = predict_arena(Model(Graph([source], [output], nodes)), HOST_64)
    lifetimes = {id(m.tensor): m.lifetime for m in estimate.tensors}
    assert (lifetimes[id(ignored)].first, lifetimes[id(ignored)].last) == (2, 2)
    assert (lifetimes[id(loose)].first, lifetimes[id(loose)].last) == (-1, 3)
    assert (lifetimes[id(output)].first, lifetimes[id(output)].last) == (2, 3)


def with_variables(offline: bool) -> Model:
    source, output = activation((1, 77)), activation((1, 77))
    state, state_2 = activation((1, 77)), activation((1, 77))
    state.is_variable = state_2.is_variable = True
    middle = activation((1, 77))
    nodes = [add(source, state, middle), add(middle, state_2, output)]
    graph = Graph([source], [output], nodes)
    assert graph.tensors() == [source, state, middle, state_2, output]
    metadata = offline_plan([-1, 1024, -1, -1, -1]) if offline else {}
    return Model(graph, metadata=metadata)


@pytest.mark.parametrize("offline", [False, True])
def test_variables_are_in_the_tail_unless_planned_offline(offline: bool) -> None:
    model = with_variables(offline)
    estimate = predict_arena(model, HOST_64)
    assert estimate.total == host_bytes(model)
    in_tail = [memory for memory in estimate.tensors if memory.in_tail]
    assert len(in_tail) == (1 if offline else 2)
    assert all(memory.size == 77 for memory in in_tail)
    assert estimate.head == (1024 + 80 if offline else 160)


def test_offline_plan_is_honoured_even_where_tensors_overlap() -> None:
    source, middle, output = (activation((1, 200)) for _ in range(3))
    nodes = [relu(source, middle), relu(middle, output)]
    model = Model(Graph([source], [output], nodes), metadata=offline_plan([0, 0, 48]))
    estimate = predict_arena(model, HOST_64)
    assert estimate.total == host_bytes(model)
    assert estimate.head == 48 + 208
    assert [memory.offset for memory in estimate.tensors] == [0, 0, 48]


def test_unplanned_tensors_go_around_the_offline_plan() -> None:
    source, middle, output = (activation((1, 200)) for _ in range(3))
    nodes = [relu(source, middle), relu(middle, output)]
    model = Model(Graph([source], [output], nodes), metadata=offline_plan([-1, 100, -1]))
    estimate = predict_arena(model, HOST_64)
    assert estimate.total == host_bytes(model)
    assert [memory.offset for memory in estimate.tensors] == [308, 100, 308]


def test_offline_plan_for_another_number_of_tensors() -> None:
    model = random_model(0, 4)
    model.metadata = offline_plan([0, 0])
    with pytest.raises(ValueError, match="2 offsets for"):
        predict_arena(model, HOST_64)


def test_parts_sum_up() -> None:
    for target in (HOST_64, CORTEX_M):
        estimate = predict_arena(random_model(1, 30), target)
        assert sum(estimate.tail_parts.values()) == estimate.tail
        assert estimate.head + estimate.tail == estimate.total <= estimate.smallest_arena


def test_writing_and_reading_back_changes_nothing() -> None:
    model = random_model(5, 40)
    again = read_model(write_model(model))
    for target in (HOST_64, CORTEX_M):
        assert predict_arena(again, target).total == predict_arena(model, target).total


def test_speed() -> None:
    model = random_model(7, 400)

    def seconds() -> float:
        start = time.process_time()
        predict_arena(model, CORTEX_M)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.2
