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
_LARGEST_LATE_FIRST, _LARGEST_FIRST, _LATEST_FIRST = _RANKINGS[0], _RANKINGS[1], _RANKINGS[5]
# (ranking, best fit): those that are the lowest of all most often.
_QUICK = (
    (_LARGEST_FIRST, False),
    (_LATEST_FIRST, True),
    (_LATEST_FIRST, False),
    (_LARGEST_LATE_FIRST, False),
)


def quick_placement(problem: Problem) -> list[int]:
    """Offsets of the lowest placement that a few heuristics find."""
    placements = (place(problem, _ranked(problem, r), best_fit) for r, best_fit in _QUICK)
    return min(placements, key=lambda offsets: height(problem, offsets))


def _ranked(problem: Problem, ranking: Callable[[Item], tuple[int, ...]]) -> list[int]:
    items = problem.items
    return sorted(range(len(items)), key=lambda i: (ranking(items[i]), i))


def lowest_placement(problem: Problem, evaluations: int) -> list[int]:
    """Offsets of the lowest placement found with at most `evaluations` random trials."""
    best: list[int] = []
    best_height = -1
    sequence: list[int] = []
    for ranking in _RANKINGS:
        ranked = _ranked(problem, ranking)
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
        chosen = generator.choice(problem.neighbours[chosen]).item
    position = sequence.index(chosen)
    moved = [i for i in sequence if i != chosen]
    moved.insert(generator.randrange(position + 1), chosen)
    return moved
