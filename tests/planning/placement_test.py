"""The placement of items and the search for a low one, by hand and by chance."""

from __future__ import annotations

import random

import pytest

from converter.planning.placement import height, place
from converter.planning.problem import Item, Neighbour, Problem
from converter.planning.search import lowest_placement


def problem(*items: Item, distances: dict[tuple[int, int], int] | None = None) -> Problem:
    """distances: (output, source) -> distance."""
    distances = distances or {}
    neighbours: list[list[Neighbour]] = [[] for _ in items]
    for i, one in enumerate(items):
        for j, other in enumerate(items):
            if i != j and one.first <= other.last and other.first <= one.last:
                below = distances.get((i, j), one.size)
                above = distances.get((j, i), other.size)
                neighbours[i].append(Neighbour(j, below, above))
    times = range(max(item.last for item in items) + 1)
    bound = max(sum(i.size for i in items if i.first <= t <= i.last) for t in times)
    return Problem(list(items), neighbours, bound)


def item(size: int, first: int, last: int) -> Item:
    return Item(size, first, last, ())


def test_first_fit() -> None:
    apart = problem(item(32, 0, 1), item(48, 0, 3), item(16, 2, 3))
    assert place(apart, [0, 1, 2]) == [0, 32, 0]
    assert place(apart, [1, 0, 2]) == [48, 0, 48]


def test_best_fit_takes_the_tightest_gap() -> None:
    # 2 and 4 are gone when 5 comes: gaps of 64 and of 32 bytes.
    items = [
        item(16, 0, 9),
        item(64, 0, 3),
        item(16, 0, 9),
        item(32, 0, 3),
        item(16, 0, 9),
        item(32, 5, 9),
    ]
    assert place(problem(*items), range(6))[5] == 16
    assert place(problem(*items), range(6), best_fit=True)[5] == 96


def test_an_output_goes_where_its_source_was() -> None:
    items = item(64, 0, 2), item(64, 2, 4)
    assert place(problem(*items), [0, 1]) == [0, 64]
    assert place(problem(*items, distances={(1, 0): 0}), [0, 1]) == [0, 0]


def test_a_distance_is_kept_whoever_comes_first() -> None:
    pair = problem(item(64, 0, 2), item(96, 2, 4), distances={(1, 0): 48})
    assert place(pair, [1, 0]) == [48, 0]
    # Below the source there is no room for the distance, so the output goes above it.
    assert place(pair, [0, 1]) == [0, 64]


def _random_problem(seed: int) -> Problem:
    generator = random.Random(seed)
    items = []
    for _ in range(30):
        first = generator.randrange(20)
        items.append(item(16 * generator.randrange(1, 40), first, first + generator.randrange(8)))
    return problem(*items)


@pytest.mark.parametrize("seed", range(20))
def test_items_that_meet_are_apart(seed: int) -> None:
    found = _random_problem(seed)
    offsets = lowest_placement(found, evaluations=50)
    assert height(found, offsets) >= found.bound
    for i, neighbours in enumerate(found.neighbours):
        assert offsets[i] >= 0 and offsets[i] % 16 == 0
        for other in neighbours:
            assert offsets[i] + found.items[i].size <= offsets[other.item] or (
                offsets[other.item] + found.items[other.item].size <= offsets[i]
            )


@pytest.mark.parametrize("seed", range(5))
def test_the_search_is_deterministic_and_never_raises_the_result(seed: int) -> None:
    found = _random_problem(seed)
    few, many = lowest_placement(found, 0), lowest_placement(found, 300)
    assert height(found, many) <= height(found, few)
    assert many == lowest_placement(found, 300)


def test_the_search_finds_what_the_heuristics_miss() -> None:
    better = sum(
        height(p, lowest_placement(p, 300)) < height(p, lowest_placement(p, 0))
        for p in map(_random_problem, range(20))
    )
    assert better > 0
