"""How large the arena must be while AllocateTensors() runs.

Between head and tail, Prepare of each operator keeps temporary TfLiteTensors (freed after
the operator), and planning keeps its tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.memory import tail as tail_parts
from converter.memory.kernel_memory import KernelMemory
from converter.memory.lifetimes import aligned
from converter.memory.tail import Tail, tensor_structs
from converter.memory.targets import Target
from converter.model import Operator

# Requests that the head keeps free for the next operator (kMaxScratchBuffersPerOp).
_SCRATCH_REQUESTS_PER_OPERATOR = 12
# A Prepare takes each of its tensors at most this often (convolutions: in the kernel and in
# the common code).
_TEMPORARIES_PER_TENSOR = 2


class StartUp:
    """Tracks the largest sum of head, temporary memory and tail."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._requests = 0
        self.smallest_arena = 0

    def _need(self, size: int) -> None:
        self.smallest_arena = max(self.smallest_arena, aligned(size))

    def _request_bytes(self) -> int:
        slots = self._requests + _SCRATCH_REQUESTS_PER_OPERATOR
        return self._target.scratch_request.size * slots

    def prepare(
        self, tail: Tail, operators: Sequence[Operator], kernels: Sequence[KernelMemory]
    ) -> None:
        """Prepare of every operator; allocates their persistent buffers in `tail`."""
        for operator, kernel in zip(operators, kernels, strict=True):
            for size in kernel.prepare:
                tail.allocate(tail_parts.KERNELS, size)
            self._need(self._request_bytes() + self._temporaries(operator) + tail.used)
            self._requests += len(kernel.scratch)
            self._need(self._request_bytes() + tail.used)

    def _temporaries(self, operator: Operator) -> int:
        used = 0
        for tensor in operator.tensors():
            for size, alignment in tensor_structs(tensor, self._target) * _TEMPORARIES_PER_TENSOR:
                used += size + alignment - 1  # at most; the order is the kernel's
        return used

    def plan(self, tail: Tail, tensors: int, planned: int, scratch: int) -> None:
        """The planner's tables, `tail` holding all but inputs and outputs."""
        target = self._target
        used = self._request_bytes() + target.pointer.size + target.pointer.alignment - 1
        used += target.allocation_info.size * (tensors + scratch)
        used = aligned(used) + target.planner_bytes_per_buffer * (planned + scratch)
        self._need(used + aligned(tail.used))

    def finish(self, tail: Tail, head: int) -> None:
        self._need(head + tail.used)
