"""Which tensors and scratch buffers the head holds, and when they live.

Follows AllocationInfoBuilder: operator i (from 0) has the time i + 1, graph inputs are
born at time 0, graph outputs live to the end, a scratch buffer lives for its operator.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence

from converter.memory.planner import Buffer
from converter.memory.targets import ARENA_ALIGNMENT
from converter.memory.tensor_bytes import tensor_bytes
from converter.model import Graph, Tensor

OFFLINE_PLAN = "OfflineMemoryAllocation"
_ONLINE = -1


@dataclasses.dataclass(frozen=True)
class Lifetime:
    """Times of first creation and last use; -1 if nothing creates or uses the tensor."""

    first: int
    last: int


def offline_offsets(metadata: dict[str, bytes], tensors: int) -> list[int | None]:
    """The offset in the head of each tensor that the model's metadata plans, else None.

    Raises ValueError if the plan is for another number of tensors, as AllocateTensors does.
    """
    content = metadata.get(OFFLINE_PLAN)
    if content is None:
        return [None] * tensors
    _, _, count = struct.unpack_from("<3i", content)
    if count != tensors:
        raise ValueError(f"{OFFLINE_PLAN}: {count} offsets for {tensors} tensors")
    offsets = struct.unpack_from(f"<{count}i", content, 12)
    return [None if offset == _ONLINE else offset for offset in offsets]


def lifetimes(graph: Graph, tensors: Sequence[Tensor]) -> list[Lifetime]:
    """The lifetime of each tensor."""
    index = {id(tensor): i for i, tensor in enumerate(tensors)}
    first, last = [-1] * len(tensors), [-1] * len(tensors)

    def create(tensor: Tensor, time: int) -> None:
        i = index[id(tensor)]
        if first[i] == -1:
            first[i] = time

    def use(tensor: Tensor, time: int) -> None:
        last[index[id(tensor)]] = time

    for tensor in graph.inputs:
        create(tensor, 0)
        use(tensor, 0)
    for time, operator in enumerate(graph.operators, start=1):
        for tensor in operator.outputs:
            create(tensor, time)
        for used in (*operator.inputs, *operator.outputs):
            if used is not None:
                use(used, time)
    for tensor in graph.outputs:
        create(tensor, len(graph.operators))
        use(tensor, len(graph.operators))
    return [Lifetime(*times) for times in zip(first, last, strict=True)]


def is_planned(tensor: Tensor, offline_offset: int | None) -> bool:
    """Whether the tensor's content lies in the head (not in flash, nor in the tail)."""
    if tensor.is_variable:
        return offline_offset is not None
    has_content = tensor.data is not None and tensor.data.size > 0
    return not has_content and tensor_bytes(tensor) != 0


def aligned(size: int) -> int:
    return -(-size // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def tensor_buffer(tensor: Tensor, lifetime: Lifetime, offline_offset: int | None) -> Buffer:
    return Buffer(aligned(tensor_bytes(tensor)), lifetime.first, lifetime.last, offline_offset)


def scratch_buffer(size: int, operator_index: int) -> Buffer:
    return Buffer(aligned(size), operator_index + 1, operator_index + 1)
