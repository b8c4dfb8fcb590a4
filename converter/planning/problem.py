"""The buffers of the head, and how far from each other they have to lie."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from converter.memory.kernel_memory import kernel_memory
from converter.memory.lifetimes import aligned, is_planned, lifetimes
from converter.memory.targets import Target
from converter.memory.tensor_bytes import tensor_bytes
from converter.model import Graph
from converter.planning.sharing import sharings, view


@dataclasses.dataclass(frozen=True)
class Item:
    """A buffer to be placed: a tensor, a tensor with its views, or (no tensors) a scratch
    buffer. Times count operators from 1 (0: graph inputs); size: bytes, a multiple of 16."""

    size: int
    first: int
    last: int
    tensors: tuple[int, ...]


class Neighbour(NamedTuple):
    """Another item that is alive at the same time. If the item lies below it, their offsets
    differ by `below` bytes or more, if above, by `above` or more."""

    item: int
    below: int
    above: int


@dataclasses.dataclass(frozen=True)
class Problem:
    """bound: bytes that no placement can get below."""

    items: list[Item]
    neighbours: list[list[Neighbour]]
    bound: int


def build_problem(graph: Graph, target: Target) -> Problem:
    """The placement problem of `graph` with its operators in their present order."""
    items, item_of = _items(graph, target)
    distances: dict[tuple[int, int], int] = {}
    kept = {item_of.get(id(tensor)) for tensor in graph.outputs}
    for time, operator in enumerate(graph.operators, start=1):
        for sharing in sharings(operator):
            source, output = item_of.get(id(sharing.source)), item_of.get(id(sharing.output))
            if source is None or output is None or source == output or source in kept:
                continue
            # Nobody else may need the input, nor the place of the output before.
            if items[source].last == time == items[output].first:
                distances[output, source] = aligned(sharing.distance)
    neighbours: list[list[Neighbour]] = [[] for _ in items]
    lives = [(item.first, item.last) for item in items]
    for i, (first, last) in enumerate(lives):
        together = [j for j, life in enumerate(lives[:i]) if life[0] <= last and life[1] >= first]
        for j in together:
            below, above = items[i].size, items[j].size
            if (i, j) in distances:
                below = min(below, distances[i, j])
            if (j, i) in distances:
                above = min(above, distances[j, i])
            neighbours[i].append(Neighbour(j, below, above))
            neighbours[j].append(Neighbour(i, above, below))
    return Problem(items, neighbours, _bound(items, distances, len(graph.operators)))


def _items(graph: Graph, target: Target) -> tuple[list[Item], dict[int, int]]:
    """The items, and the item of each tensor by its id."""
    tensors = graph.tensors()
    planned = [i for i, tensor in enumerate(tensors) if is_planned(tensor, None)]
    alive = lifetimes(graph, tensors)
    groups = _views(graph)
    members: dict[int, list[int]] = {}
    for i in planned:
        if alive[i].first >= 0:  # what nothing creates stays with TFLite Micro
            members.setdefault(groups.get(id(tensors[i]), id(tensors[i])), []).append(i)
    items = [
        Item(
            max(aligned(tensor_bytes(tensors[i])) for i in group),
            min(alive[i].first for i in group),
            max(alive[i].last for i in group),
            tuple(group),
        )
        for group in members.values()
    ]
    item_of = {id(tensors[i]): k for k, item in enumerate(items) for i in item.tensors}
    for time, operator in enumerate(graph.operators, start=1):
        for size in kernel_memory(operator, target).scratch:
            items.append(Item(aligned(size), time, time, ()))
    return items, item_of


def _views(graph: Graph) -> dict[int, int]:
    """id of each tensor that is a view -> id of the tensor whose content it is.

    Views of a constant or a variable have their own memory.
    """
    root: dict[int, int] = {}
    for operator in graph.operators:
        pair = view(operator)
        if pair is not None and is_planned(pair[0], None):
            root[id(pair[1])] = root.get(id(pair[0]), id(pair[0]))
    return root


def _bound(items: list[Item], distances: dict[tuple[int, int], int], operators: int) -> int:
    """The most bytes alive at once, less what sharing can save there."""
    alive = [0] * (operators + 2)
    for item in items:
        alive[item.first] += item.size
        alive[item.last + 1] -= item.size
    for time in range(1, operators + 2):
        alive[time] += alive[time - 1]
    savings = [0] * len(items)
    for (output, source), distance in distances.items():
        sizes = items[output].size, items[source].size
        savings[output] += max(0, sum(sizes) - max(sizes[0], distance + sizes[1]))
    for item, saving in zip(items, savings, strict=True):
        alive[item.first] -= min(saving, item.size)
    return max(alive)
