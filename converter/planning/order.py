"""Orders in which the operators of a graph may run.

An order is valid if every operator runs after those that it depends on: the producers of
its inputs, and, for a variable, the earlier operators that read what it overwrites or wrote
what it reads. So an update stays behind every reader of the old weights, and the updates
that draw from the random state keep their sequence: every valid order trains to the same
bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from converter.ir.training_ops import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from converter.model import Graph, Operator, Tensor
from converter.planning.liveness import Liveness

_LOSSES = {op.CUSTOM_CODE for op in (MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy)}

Heuristic = Callable[[Liveness, int], tuple[int, ...]]
"""(what is alive, index of an operator that may run next) -> rank; the lowest runs."""


def written_tensors(operator: Operator) -> list[Tensor]:
    """What an operator writes: its outputs; one without outputs works by the variables that
    it is given (updates, INITIALIZE_VARIABLES)."""
    if operator.outputs:
        return operator.outputs
    return [t for t in operator.inputs if t is not None and t.is_variable]


def dependencies(operators: Sequence[Operator]) -> list[set[int]]:
    """For each operator, the indices of those that must run before it."""
    writer: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    before: list[set[int]] = []
    for index, operator in enumerate(operators):
        read = {id(t) for t in operator.inputs if t is not None}
        written = {id(t) for t in written_tensors(operator)}
        needs = {writer[t] for t in read | written if t in writer}
        for tensor in written:
            needs.update(readers.pop(tensor, ()))
        for tensor in read:
            readers.setdefault(tensor, []).append(index)
        writer.update(dict.fromkeys(written, index))
        before.append(needs)
    return before


def is_valid_order(operators: Sequence[Operator], order: Sequence[Operator]) -> bool:
    """Whether `order` is `operators` rearranged within their dependencies."""
    position = {id(operator): i for i, operator in enumerate(order)}
    if len(order) != len(operators) or set(position) != {id(op) for op in operators}:
        return False
    return all(
        position[id(operators[i])] < position[id(operator)]
        for operator, needs in zip(operators, dependencies(operators), strict=True)
        for i in needs
    )


def first_backward(operators: Sequence[Operator]) -> int:
    """The index of the loss, where the forward pass is over; the number of operators if
    there is none."""
    losses = (i for i, op in enumerate(operators) if op.is_custom and op.name in _LOSSES)
    return next(losses, len(operators))


def candidate_orders(graph: Graph) -> Iterator[list[Operator]]:
    """The order as given, then those of the heuristics, without repetitions.

    Each heuristic rearranges first only the backward pass, then everything.
    """
    operators = graph.operators
    free = dependencies(operators)
    loss = first_backward(operators)
    forward_fixed = [
        needs | ({index - 1} if 0 < index <= loss else set()) for index, needs in enumerate(free)
    ]
    seen = {tuple(range(len(operators)))}
    yield list(operators)
    for before in (forward_fixed, free):
        for heuristic in (_least_alive, _lowest_peak, _depth_first):
            order = _schedule(graph, before, heuristic)
            if tuple(order) not in seen:
                seen.add(tuple(order))
                yield [operators[i] for i in order]


def _schedule(graph: Graph, before: list[set[int]], heuristic: Heuristic) -> list[int]:
    """Always run the lowest ranking operator of those that may run."""
    after: list[list[int]] = [[] for _ in before]
    for index, needs in enumerate(before):
        for earlier in needs:
            after[earlier].append(index)
    waiting = [len(needs) for needs in before]
    ready = [index for index, count in enumerate(waiting) if count == 0]
    liveness = Liveness(graph)
    order: list[int] = []
    while ready:
        chosen = min(ready, key=lambda index: (heuristic(liveness, index), index))
        ready.remove(chosen)
        liveness.run(chosen)
        order.append(chosen)
        for index in after[chosen]:
            waiting[index] -= 1
            if waiting[index] == 0:
                ready.append(index)
    return order


def _least_alive(liveness: Liveness, index: int) -> tuple[int, ...]:
    """What leaves the fewest bytes alive."""
    return (liveness.after(index), liveness.during(index))


def _lowest_peak(liveness: Liveness, index: int) -> tuple[int, ...]:
    """What raises the peak least, then what leaves the fewest bytes alive."""
    return (max(liveness.peak, liveness.during(index)), liveness.after(index))


def _depth_first(liveness: Liveness, index: int) -> tuple[int, ...]:
    """What reads the newest tensor, so that a branch is finished before the next begins."""
    return (-liveness.newest_input(index),)
