"""Which orders of the operators are valid."""

from __future__ import annotations

import pytest

from converter.model import Graph, Operator
from converter.planning.order import candidate_orders, dependencies, is_valid_order
from tests.memory.builders import activation
from tests.planning.random_nets import RandomNet
from tests.planning.training import training_graph
from tests.zoo.int8 import zoo_model

_UPDATES = ("CONV_2D_FILTER_UPDATE", "DEPTHWISE_CONV_2D_FILTER_UPDATE")


def _branches() -> Graph:
    """a reads x; b and c read a; d reads b and c."""
    x, a, b, c, d = (activation((1, 16)) for _ in range(5))
    operators = [
        Operator("RELU", [x], [a]),
        Operator("RELU", [a], [b]),
        Operator("RELU", [a], [c]),
        Operator("ADD", [b, c], [d]),
    ]
    return Graph([x], [d], operators)


def test_producers_come_first() -> None:
    assert dependencies(_branches().operators) == [set(), {0}, {0}, {1, 2}]


def test_branches_may_swap_but_not_overtake() -> None:
    a, b, c, d = operators = _branches().operators
    assert is_valid_order(operators, [a, c, b, d])
    assert not is_valid_order(operators, [b, a, c, d])
    assert not is_valid_order(operators, [a, b, d, c])


def test_an_order_runs_every_operator_once() -> None:
    a, b, c, d = operators = _branches().operators
    assert not is_valid_order(operators, [a, b, c])
    assert not is_valid_order(operators, [a, b, b, d])


def test_a_write_waits_for_the_readers_of_the_old_value() -> None:
    x, y, state = activation((1, 16)), activation((1, 16)), activation((1, 16))
    state.is_variable = True
    write = Operator("UPDATE", [x, state], [], is_custom=True)
    read = Operator("ADD", [x, state], [y])
    later = Operator("UPDATE", [y, state], [], is_custom=True)
    assert dependencies([read, write, later]) == [set(), {0}, {0, 1}]
    assert dependencies([write, read, later]) == [set(), {0}, {0, 1}]


@pytest.mark.parametrize("name", ["residual", "concatenated", "binary"])
def test_training_graphs_keep_their_hazards(name: str) -> None:
    graph = training_graph(zoo_model(name), "all").model.graph
    given = graph.operators
    updates = [op for op in given if op.name in _UPDATES]
    assert updates
    for order in candidate_orders(graph):
        assert is_valid_order(given, order)
        position = {id(op): i for i, op in enumerate(order)}
        assert order[0].name == "INITIALIZE_VARIABLES"
        # One random stream: the updates draw from it in the given sequence.
        assert sorted(updates, key=lambda op: position[id(op)]) == updates
        for update in updates:
            weights = update.inputs[3]
            readers = [op for op in given if weights in op.inputs and op not in updates]
            assert all(position[id(op)] < position[id(update)] for op in readers)


def test_the_given_order_comes_first_and_none_comes_twice() -> None:
    graph = training_graph(RandomNet(5).flatbuffer(), "all").model.graph
    orders = [[id(op) for op in order] for order in candidate_orders(graph)]
    assert orders[0] == [id(op) for op in graph.operators]
    assert len({tuple(order) for order in orders}) == len(orders) > 1
