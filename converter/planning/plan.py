"""Chooses the order of the operators and the offsets of the tensors of a model."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable

from converter.errors import ConverterError
from converter.ir.bounds import INT32_MAX
from converter.memory import CORTEX_M, OFFLINE_PLAN, ArenaEstimate, predict_arena
from converter.model import Model, Operator
from converter.planning.order import candidate_orders
from converter.planning.problem import Problem, build_problem
from converter.planning.search import lowest_placement

DEFAULT_EVALUATIONS = 400
_PLAN_VERSION = 1
_SUBGRAPH = 0
_ONLINE = -1

Progress = Callable[[int, int], None]
"""Called with (orders tried, orders)."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What planning a model came to, on a 32-bit Cortex-M.

    arena: what the planned model takes; unplanned: what it would take in the given order
    with TFLite Micro's own planner; has_offsets: whether offsets were baked into the model.
    """

    arena: ArenaEstimate
    unplanned: ArenaEstimate
    has_offsets: bool


@dataclasses.dataclass(frozen=True)
class _Candidate:
    operators: list[Operator]
    metadata: bytes | None
    arena: ArenaEstimate

    def or_better(self, other: _Candidate) -> _Candidate:
        """`other` if it takes less while it starts in no more, else this one."""
        mine, others = ((c.arena.total, c.arena.smallest_arena) for c in (self, other))
        is_better = others != mine and others[0] <= mine[0] and others[1] <= mine[1]
        return other if is_better else self


def plan_memory(
    model: Model,
    evaluations: int = DEFAULT_EVALUATIONS,
    enough: int = 0,
    progress: Progress = lambda done, total: None,
) -> Plan:
    """Reorder the operators of `model` and bake offsets into its metadata, in place.

    It keeps what needs the least arena on Cortex-M; the order as given and TFLite Micro's
    own placement are among the choices, and win a tie. A plan that the model carries is
    dropped. `evaluations`: random trials for each order; `enough`: bytes of arena with which
    to be content, 0 for as few as can be found; the result depends on nothing but the model
    and these numbers. Raises ConverterError for an arena of 2 GiB or more.
    """
    graph = model.graph
    model.metadata.pop(OFFLINE_PLAN, None)
    unplanned = predict_arena(model, CORTEX_M)
    if unplanned.total > INT32_MAX:
        raise ConverterError(
            f"{unplanned.total} bytes of arena are more than TFLM's offsets reach; use a smaller "
            "input"
        )
    best = _Candidate(graph.operators, None, unplanned)
    orders = list(candidate_orders(graph))
    for done, operators in enumerate(orders):
        progress(done, len(orders))
        if best.arena.smallest_arena <= enough:
            break
        best = _best_of_order(model, operators, evaluations, enough, best)
    progress(len(orders), len(orders))
    _apply(model, best.operators, best.metadata)
    return Plan(best.arena, unplanned, best.metadata is not None)


def _apply(model: Model, operators: list[Operator], metadata: bytes | None) -> None:
    model.graph.operators = operators
    model.metadata.pop(OFFLINE_PLAN, None)
    if metadata is not None:
        model.metadata[OFFLINE_PLAN] = metadata


def _best_of_order(
    model: Model, operators: list[Operator], evaluations: int, enough: int, best: _Candidate
) -> _Candidate:
    """`best`, or what is better in this order. With `enough`, placements are not tried where
    none can be enough."""
    _apply(model, operators, None)
    greedy = predict_arena(model, CORTEX_M)
    best = best.or_better(_Candidate(operators, None, greedy))
    problem = build_problem(model.graph, CORTEX_M)
    lowest = greedy.tail + problem.bound
    if lowest < best.arena.total and (lowest <= enough or not enough):
        metadata = offline_plan(model, problem, lowest_placement(problem, evaluations))
        _apply(model, operators, metadata)
        # Scratch buffers are not in the file: this is where TFLite Micro really puts them.
        planned = predict_arena(model, CORTEX_M)
        best = best.or_better(_Candidate(operators, metadata, planned))
    return best


def offline_plan(model: Model, problem: Problem, placement: list[int]) -> bytes:
    """The content of the metadata OfflineMemoryAllocation: int32 [version, subgraph, number
    of tensors, offset of each tensor in file order, or -1]. `problem` is that of the graph,
    `placement` an offset for each of its items."""
    offsets = [_ONLINE] * len(model.graph.tensors())
    for item, offset in zip(problem.items, placement, strict=True):
        for tensor in item.tensors:
            offsets[tensor] = offset
    return struct.pack(f"<{3 + len(offsets)}i", _PLAN_VERSION, _SUBGRAPH, len(offsets), *offsets)
