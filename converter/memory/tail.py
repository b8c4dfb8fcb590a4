"""The tail of the arena: everything persistent, allocated downwards from the end.

Allocations are replayed in TFLite Micro's order, because alignment makes the sum depend
on it. The arena is taken to end at a multiple of 16 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.memory.kernel_memory import KernelMemory
from converter.memory.targets import ARENA_ALIGNMENT, Struct, Target
from converter.memory.tensor_bytes import tensor_bytes
from converter.model import Graph, Tensor

# The parts by name, in order of allocation.
RUNTIME = "runtime"
EVAL_TENSORS = "eval tensors"
NODES = "nodes"
OPTIONS = "operator options"
KERNELS = "kernel buffers"
SCRATCH_HANDLES = "scratch handles"
VARIABLES = "variables"
INPUTS_AND_OUTPUTS = "inputs and outputs"
PARTS = (
    RUNTIME,
    EVAL_TENSORS,
    NODES,
    OPTIONS,
    KERNELS,
    SCRATCH_HANDLES,
    VARIABLES,
    INPUTS_AND_OUTPUTS,
)


class Tail:
    """Bytes in use, in all and per part."""

    def __init__(self) -> None:
        self.used = 0
        self.parts = dict.fromkeys(PARTS, 0)

    def allocate(self, part: str, size: int, alignment: int = ARENA_ALIGNMENT) -> int:
        """Allocate as AllocatePersistentBuffer does; returns the distance to the end."""
        start = -(-(self.used + size) // alignment) * alignment
        self.parts[part] += start - self.used
        self.used = start
        return start

    def allocate_structs(self, part: str, struct: Struct, count: int = 1) -> None:
        self.allocate(part, struct.size * count, struct.alignment)


def start(tail: Tail, graph: Graph, tensors: int, target: Target) -> None:
    """Construction of the interpreter, and what AllocateTensors() begins with."""
    for struct in (
        target.allocator,
        target.planner,
        target.micro_allocator,
        target.data_allocator,
        target.subgraph,
    ):
        tail.allocate_structs(RUNTIME, struct)
    tail.allocate_structs(EVAL_TENSORS, target.eval_tensor, tensors)
    tail.allocate_structs(NODES, target.node, len(graph.operators))


def parse_options(tail: Tail, kernels: Sequence[KernelMemory]) -> None:
    for kernel in kernels:
        if kernel.options is not None:
            tail.allocate_structs(OPTIONS, kernel.options)


def allocate_scratch_handles(tail: Tail, kernels: Sequence[KernelMemory], target: Target) -> None:
    count = sum(len(kernel.scratch) for kernel in kernels)
    if count:
        tail.allocate_structs(SCRATCH_HANDLES, target.scratch_handle, count)


def allocate_variables(
    tail: Tail, tensors: Sequence[Tensor], offline: Sequence[int | None]
) -> dict[int, int]:
    """Returns tensor index -> distance of the variable's content to the arena's end."""
    return {
        i: tail.allocate(VARIABLES, tensor_bytes(tensor))
        for i, tensor in enumerate(tensors)
        if tensor.is_variable and offline[i] is None
    }


def allocate_inputs_and_outputs(tail: Tail, graph: Graph, target: Target) -> None:
    for tensors in (graph.inputs, graph.outputs):
        tail.allocate(INPUTS_AND_OUTPUTS, target.pointer.size * len(tensors))
        for tensor in tensors:
            for size, alignment in tensor_structs(tensor, target):
                tail.allocate(INPUTS_AND_OUTPUTS, size, alignment)


def tensor_structs(tensor: Tensor, target: Target) -> list[tuple[int, int]]:
    """(bytes, alignment) of what a TfLiteTensor of `tensor` consists of: itself and a
    copy of its quantisation with a zero point per scale."""
    structs = [(target.tensor.size, target.tensor.alignment)]
    if tensor.quantization is not None:
        affine = target.affine_quantization
        zero_points = 4 + 4 * tensor.quantization.scale.size  # TfLiteIntArray
        structs += [(affine.size, affine.alignment), (zero_points, 4)]
    return structs
