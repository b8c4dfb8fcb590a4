"""Places the items of a problem one by one, in a given sequence."""

from __future__ import annotations

from collections.abc import Sequence

from converter.planning.problem import Problem

_END = 1 << 62


def place(problem: Problem, sequence: Sequence[int], best_fit: bool = False) -> list[int]:
    """An offset for each item, bytes from the start of the head.

    Each item takes the lowest place that is free throughout its life, or with `best_fit`
    the tightest gap. All sizes and distances are multiples of 16, so the offsets are.
    """
    offsets = [-1] * len(problem.items)
    for index in sequence:
        # Between `low` and `high`, both excluded, the item may not start.
        forbidden = [
            (offset - below, offset + above)
            for other, below, above in problem.neighbours[index]
            if (offset := offsets[other]) >= 0
        ]
        forbidden.sort()
        candidate, chosen, slack = 0, 0, _END
        for low, high in forbidden:
            if low >= candidate and low - candidate < slack:
                chosen, slack = candidate, low - candidate
                if not best_fit:
                    break
            if high > candidate:
                candidate = high
        else:
            if slack == _END:
                chosen = candidate
        offsets[index] = chosen
    return offsets


def height(problem: Problem, offsets: Sequence[int]) -> int:
    """Bytes of the whole placement."""
    return max((o + i.size for o, i in zip(offsets, problem.items, strict=True)), default=0)
