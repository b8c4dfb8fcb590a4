"""An independent check of a plan: who owns which byte while the operators run."""

from __future__ import annotations

import numpy as np

from converter.memory import ArenaEstimate, ScratchMemory
from converter.model import Graph, Tensor
from converter.planning.sharing import view


def assert_nothing_is_overwritten(graph: Graph, arena: ArenaEstimate) -> None:
    """Runs the graph with owners instead of values: whatever an operator reads must still
    be there, as must the outputs of the graph at the end."""
    place = {id(t.tensor): t for t in arena.tensors if not t.in_tail}
    owner = np.zeros(arena.head, np.int64)
    root: dict[int, int] = {}

    def content(tensor: Tensor) -> np.ndarray:
        start = place[id(tensor)].offset
        return owner[start : start + tensor.bytes]

    def mark(tensor: Tensor, by: int) -> None:
        content(tensor)[:] = by

    def same_place(one: Tensor, other: Tensor) -> bool:
        return place[id(one)].offset == place[id(other)].offset

    def check(tensor: Tensor) -> None:
        expected = root.get(id(tensor), id(tensor))
        assert (content(tensor) == expected).all(), f"{tensor} is overwritten"

    for tensor in graph.inputs:
        mark(tensor, id(tensor))
    scratch: dict[int, list[ScratchMemory]] = {id(s.operator): [] for s in arena.scratch}
    for buffer in arena.scratch:
        scratch[id(buffer.operator)].append(buffer)
    for operator in graph.operators:
        for buffer in scratch.get(id(operator), []):
            owner[buffer.offset : buffer.offset + buffer.size] = id(buffer)
        for source in operator.inputs:
            if source is not None and id(source) in place:
                check(source)
        pair = view(operator)
        for tensor in operator.outputs:
            by = id(tensor)
            if pair and place.get(id(pair[0])) and same_place(pair[0], tensor):
                by = root.get(id(pair[0]), id(pair[0]))
                root[id(tensor)] = by
            mark(tensor, by)
        for tensor in operator.outputs:
            check(tensor)
        for buffer in scratch.get(id(operator), []):
            assert (owner[buffer.offset : buffer.offset + buffer.size] == id(buffer)).all()
    for tensor in graph.outputs:
        check(tensor)


def assert_alignment(arena: ArenaEstimate) -> None:
    for tensor in arena.tensors:
        if not tensor.in_tail:
            assert tensor.offset % 16 == 0 and 0 <= tensor.offset
            assert tensor.offset + tensor.size <= arena.head
