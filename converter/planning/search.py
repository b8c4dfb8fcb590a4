"""Looks for a low placement: heuristics first, then a bounded random search."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from converter.planning.placement import height, place
from converter.planning.problem import Item, Problem

_SEED = 1
# Outputs share from below, so a chain of operators comes lowest if its end is placed first:
# of equal rank the latest goes ahead.
_RANKINGS: tuple[Callable[[Item], tuple[int, ...]], ...] = (
    lambda item: (-item.size, -item.first),
    lambda item: (-item.size, item.first),
    lambda item: (-item.size * (item.last - item.first + 1), -item.size),
    lambda item: (item.first - item.last, -item.size),
    lambda item: (-item.size.bit_length(), -item.first),
    lambda item: (-item.first, -item.size),
    lambda item: (item.first, -item.size),
    lambda item: (-item.last, -item.size),
)


def lowest_placement(problem: Problem, evaluations: int) -> list[int]:
    """Offsets of the lowest placement found with at most `evaluations` random trials."""
    count = range(len(problem.items))
    best: list[int] = []
    best_height = -1
    sequence: list[int] = []
    for ranking in _RANKINGS:
        ranked = sorted(count, key=lambda i: (ranking(problem.items[i]), i))  # noqa: B023
        for best_fit in (False, True):
            offsets = place(problem, ranked, best_fit)
            total = height(problem, offsets)
            if best_height < 0 or total < best_height:
                best, best_height, sequence = offsets, total, ranked
            if total <= problem.bound:
                return offsets
    return _improve(problem, sequence, best, evaluations)


def _improve(
    problem: Problem, sequence: Sequence[int], offsets: list[int], evaluations: int
) -> list[int]:
    """Hill climbing: an item at the top, or a neighbour below it, moves to the front part of
    the sequence; what is not higher is kept."""
    generator = random.Random(_SEED)
    current, best, best_height = list(sequence), offsets, height(problem, offsets)
    present, present_height = offsets, best_height
    for _ in range(evaluations):
        trial = _move(problem, current, present, present_height, generator)
        trial_offsets = place(problem, trial)
        trial_height = height(problem, trial_offsets)
        if trial_height <= present_height:
            current, present, present_height = trial, trial_offsets, trial_height
        if trial_height < best_height:
            best, best_height = trial_offsets, trial_height
        if best_height <= problem.bound:
            break
    return best


def _move(
    problem: Problem,
    sequence: list[int],
    offsets: Sequence[int],
    total: int,
    generator: random.Random,
) -> list[int]:
    top = [i for i, item in enumerate(problem.items) if offsets[i] + item.size == total]
    chosen = generator.choice(top)
    if problem.neighbours[chosen] and generator.random() < 0.5:
        chosen = generator.choice(problem.neighbours[chosen]).index
    position = sequence.index(chosen)
    moved = [i for i in sequence if i != chosen]
    moved.insert(generator.randrange(position + 1), chosen)
    return moved
