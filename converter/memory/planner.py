"""TFLite Micro's greedy memory planner: where each buffer of the head goes.

The same placement as GreedyMemoryPlanner, step by step: offline planned buffers first, in
their order; then the others by descending size (of equal size, the last one first), each
in the first gap between the buffers that are alive with it.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass
class Buffer:
    """A buffer of the plan. `first` and `last` count operators from 1 (0: graph inputs);
    -1 marks a tensor that nothing mentions. `offset` is None until it is planned."""

    size: int
    first: int
    last: int
    offset: int | None = None


def plan(buffers: Sequence[Buffer]) -> int:
    """Give every buffer without an `offset` one, and return the bytes of the whole plan.

    Offsets that are set already (offline planned) stay; they may overlap.
    """
    offline = [b for b in buffers if b.offset is not None]
    online = sorted((b for b in reversed(buffers) if b.offset is None), key=lambda b: -b.size)
    offsets: list[int] = []  # sorted, parallel to `placed`
    placed: list[Buffer] = []
    for buffer in offline + online:
        if buffer.offset is None:
            buffer.offset = _first_gap(placed, buffer)
        position = bisect.bisect_right(offsets, buffer.offset)
        offsets.insert(position, buffer.offset)
        placed.insert(position, buffer)
    return max((b.offset + b.size for b in placed if b.offset is not None), default=0)


def _first_gap(placed: Sequence[Buffer], wanted: Buffer) -> int:
    """The lowest offset at which `wanted` fits, walking `placed` by ascending offset."""
    candidate = 0
    first, last, size = wanted.first, wanted.last, wanted.size
    for other in placed:
        if other.first > last or first > other.last:
            continue
        offset = other.offset
        assert offset is not None
        if offset - candidate >= size:
            break
        candidate = max(candidate, offset + other.size)
    return candidate
