"""Bytes alive while operators run one after the other, in an order that is still open."""

from __future__ import annotations

from converter.memory.lifetimes import aligned, is_planned
from converter.memory.tensor_bytes import tensor_bytes
from converter.model import Graph


class Liveness:
    """Runs the operators of a graph by index and keeps count. Sizes are bytes."""

    def __init__(self, graph: Graph) -> None:
        planned = [t for t in graph.tensors() if is_planned(t, None)]
        self._size = {id(t): aligned(tensor_bytes(t)) for t in planned}
        self._reads = [
            {id(t) for t in op.inputs if t is not None and id(t) in self._size}
            for op in graph.operators
        ]
        self._writes = [
            {id(t) for t in op.outputs if id(t) in self._size} for op in graph.operators
        ]
        self._readers_left = dict.fromkeys(self._size, 0)
        for reads in self._reads:
            for tensor in reads:
                self._readers_left[tensor] += 1
        for output in graph.outputs:  # an output of the graph never dies
            if id(output) in self._readers_left:
                self._readers_left[id(output)] += 1
        self._born = {id(t): 0 for t in graph.inputs}
        self._time = 0
        self._alive = sum(self._size.get(id(t), 0) for t in graph.inputs)
        self.peak = self._alive

    def during(self, index: int) -> int:
        """Bytes alive while the operator runs, if it were next."""
        return self._alive + sum(self._size[t] for t in self._writes[index])

    def after(self, index: int) -> int:
        """Bytes alive when the operator has run, if it were next."""
        dying = sum(self._size[t] for t in self._reads[index] if self._readers_left[t] == 1)
        unread = sum(self._size[t] for t in self._writes[index] if self._readers_left[t] == 0)
        return self.during(index) - dying - unread

    def newest_input(self, index: int) -> int:
        """When the newest tensor that the operator reads was made; 0 for graph inputs."""
        return max((self._born.get(t, 0) for t in self._reads[index]), default=0)

    def run(self, index: int) -> None:
        self.peak = max(self.peak, self.during(index))
        self._alive = self.after(index)
        self._time += 1
        for tensor in self._reads[index]:
            self._readers_left[tensor] -= 1
        for tensor in self._writes[index]:
            self._born[tensor] = self._time
