"""What the arena holds at every moment of a step, and what its peak consists of."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

from converter.conversion import TrainingModel
from converter.memory import ArenaEstimate, ScratchMemory, TensorMemory
from converter.model import Operator
from converter.planning.order import first_backward


class Kind(enum.Enum):
    """What a buffer of the head is for."""

    INPUT_OUTPUT = "input or output"
    ACTIVATION = "activation"
    SAVED = "saved for the backward pass"
    GRADIENT = "gradient"
    SCRATCH = "scratch"


@dataclasses.dataclass(frozen=True)
class Block:
    """A buffer of the head. offset, size: bytes; first, last: indices of operators."""

    name: str
    kind: Kind
    offset: int
    size: int
    first: int
    last: int

    @property
    def end(self) -> int:
        return self.offset + self.size

    def is_alive(self, operator: int) -> bool:
        return self.first <= operator <= self.last


@dataclasses.dataclass(frozen=True)
class MemoryMap:
    """blocks: by ascending offset; backward: index of the first operator of the backward
    pass (the loss); peak: index of the operator with the most bytes in use; peak_bytes:
    these bytes, where buffers that share memory count once."""

    arena: ArenaEstimate
    operators: Sequence[Operator]
    blocks: list[Block]
    backward: int
    peak: int
    peak_bytes: int


def build_memory_map(converted: TrainingModel) -> MemoryMap:
    """The map of the arena on a Cortex-M."""
    graph, arena = converted.training.model.graph, converted.arena
    operators = graph.operators
    backward = first_backward(operators)
    ends = {id(t) for t in (*graph.inputs, *graph.outputs)}
    blocks = [
        _tensor_block(memory, backward, id(memory.tensor) in ends)
        for memory in arena.tensors
        if not memory.in_tail
    ]
    blocks += [_scratch_block(memory) for memory in arena.scratch]
    blocks.sort(key=lambda block: (block.offset, block.first))
    used = [bytes_in_use(blocks, i) for i in range(len(operators))]
    peak = max(range(len(operators)), key=lambda i: used[i])
    return MemoryMap(arena, operators, blocks, backward, peak, used[peak])


def _tensor_block(memory: TensorMemory, backward: int, is_end: bool) -> Block:
    # Times count from 1, with 0 for the inputs of the graph.
    first, last = max(memory.lifetime.first - 1, 0), max(memory.lifetime.last - 1, 0)
    if is_end:
        kind = Kind.INPUT_OUTPUT
    elif first >= backward:
        kind = Kind.GRADIENT
    else:
        kind = Kind.SAVED if last > backward else Kind.ACTIVATION
    return Block(memory.tensor.name, kind, memory.offset, memory.size, first, last)


def _scratch_block(memory: ScratchMemory) -> Block:
    time = memory.lifetime.first - 1
    name = f"scratch of {memory.operator.name}"
    return Block(name, Kind.SCRATCH, memory.offset, memory.size, time, time)


def bytes_in_use(blocks: Sequence[Block], operator: int) -> int:
    """Bytes that hold something while the operator runs; `blocks` by ascending offset."""
    used = end = 0
    for block in blocks:
        if block.is_alive(operator):
            used += max(0, block.end - max(block.offset, end))
            end = max(end, block.end)
    return used


def memory_map(converted: TrainingModel) -> dict[str, Any]:
    """The map for the JSON report. Sizes and offsets are bytes, operators indices."""
    found = build_memory_map(converted)
    arena, plan = found.arena, converted.plan
    peak = [block for block in found.blocks if block.is_alive(found.peak)]
    return {
        "target": arena.target.name,
        "head_bytes": arena.head,
        "tail_bytes": arena.tail,
        "tail": arena.tail_parts,
        "planned_offsets": plan.has_offsets,
        "unplanned_arena_bytes": plan.unplanned.total,
        "operators": [op.name for op in found.operators],
        "first_backward_operator": found.backward,
        "peak": {
            "operator": found.peak,
            "op": found.operators[found.peak].name,
            "bytes": found.peak_bytes,
            "tensors": [b.name for b in sorted(peak, key=lambda b: -b.size)],
        },
        "tensors": [
            {
                "name": block.name,
                "kind": block.kind.value,
                "bytes": block.size,
                "offset": block.offset,
                "first_operator": block.first,
                "last_operator": block.last,
            }
            for block in found.blocks
        ],
    }
