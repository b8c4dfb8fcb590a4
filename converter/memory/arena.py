"""Predicts what TFLite Micro takes from the arena for a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from converter.memory import tail as tail_parts
from converter.memory.kernel_memory import KernelMemory, kernel_memory
from converter.memory.lifetimes import (
    Lifetime,
    is_planned,
    lifetimes,
    offline_offsets,
    scratch_buffer,
    tensor_buffer,
)
from converter.memory.planner import Buffer, plan
from converter.memory.start_up import StartUp
from converter.memory.tail import Tail
from converter.memory.targets import Target
from converter.model import Model, Operator, Tensor


@dataclasses.dataclass(frozen=True)
class TensorMemory:
    """A tensor whose content lies in the arena.

    `offset` counts bytes from the arena's start for a planned tensor, from its end (to the
    tensor's start) for a variable in the tail. `size` is rounded up to 16 if planned.
    """

    tensor: Tensor
    size: int
    lifetime: Lifetime
    offset: int
    in_tail: bool


@dataclasses.dataclass(frozen=True)
class ScratchMemory:
    """A scratch buffer of an operator, `offset` bytes from the arena's start."""

    operator: Operator
    size: int
    lifetime: Lifetime
    offset: int


@dataclasses.dataclass(frozen=True)
class ArenaEstimate:
    """Bytes of the arena, for an arena that starts and ends at a multiple of 16.

    total: what `arena_used_bytes()` reports after AllocateTensors(); head + tail.
    head: planned tensors and scratch buffers; tail: all else, by name in `tail_parts`.
    smallest_arena: the arena size (a multiple of 16) with which AllocateTensors() succeeds;
    planning needs working memory, so it may exceed `total`.
    exact: false if an operator is not in the table, listed in `unknown_operators`; the
    figures then are an upper estimate.
    """

    target: Target
    total: int
    head: int
    tail: int
    tail_parts: dict[str, int]
    smallest_arena: int
    tensors: tuple[TensorMemory, ...]
    scratch: tuple[ScratchMemory, ...]
    unknown_operators: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.unknown_operators


def predict_arena(model: Model, target: Target) -> ArenaEstimate:
    """What `model`, as write_model() writes it, takes from the arena on `target`.

    Raises ValueError if its metadata holds a memory plan for another number of tensors.
    """
    graph = model.graph
    tensors = graph.tensors()
    offline = offline_offsets(model.metadata, len(tensors))
    alive = lifetimes(graph, tensors)
    kernels = [kernel_memory(operator, target) for operator in graph.operators]

    planned = {
        i: tensor_buffer(tensor, alive[i], offline[i])
        for i, tensor in enumerate(tensors)
        if is_planned(tensor, offline[i])
    }
    scratch = [
        (operator, scratch_buffer(size, i))
        for i, (operator, kernel) in enumerate(zip(graph.operators, kernels, strict=True))
        for size in kernel.scratch
    ]
    head = plan([*planned.values(), *(buffer for _, buffer in scratch)])

    tail = Tail()
    start_up = StartUp(target)
    tail_parts.start(tail, graph, len(tensors), target)
    tail_parts.parse_options(tail, kernels)
    for kernel in kernels:
        for size in kernel.init:
            tail.allocate(tail_parts.KERNELS, size)
    start_up.prepare(tail, graph.operators, kernels)
    tail_parts.allocate_scratch_handles(tail, kernels, target)
    variables = tail_parts.allocate_variables(tail, tensors, offline)
    start_up.plan(tail, len(tensors), len(planned), len(scratch))
    tail_parts.allocate_inputs_and_outputs(tail, graph, target)
    start_up.finish(tail, head)

    return ArenaEstimate(
        target=target,
        total=head + tail.used,
        head=head,
        tail=tail.used,
        tail_parts=tail.parts,
        smallest_arena=start_up.smallest_arena,
        tensors=_tensor_map(tensors, alive, planned, variables),
        scratch=tuple(
            ScratchMemory(operator, b.size, Lifetime(b.first, b.last), _offset(b))
            for operator, b in scratch
        ),
        unknown_operators=_unknown(graph.operators, kernels),
    )


def _offset(buffer: Buffer) -> int:
    assert buffer.offset is not None
    return buffer.offset


def _tensor_map(
    tensors: Sequence[Tensor],
    alive: Sequence[Lifetime],
    planned: dict[int, Buffer],
    variables: dict[int, int],
) -> tuple[TensorMemory, ...]:
    in_head = [
        TensorMemory(tensors[i], b.size, alive[i], _offset(b), in_tail=False)
        for i, b in planned.items()
    ]
    in_tail = [
        TensorMemory(tensors[i], tensors[i].bytes, alive[i], offset, in_tail=True)
        for i, offset in variables.items()
    ]
    return (*in_head, *in_tail)


def _unknown(operators: Sequence[Operator], kernels: Sequence[KernelMemory]) -> tuple[str, ...]:
    names = (op.name for op, k in zip(operators, kernels, strict=True) if not k.known)
    return tuple(dict.fromkeys(names))
