"""Operators with all that they read and must write, packed for the emulator.

Each operator gets one memory image of its tensors before it runs and one of what that very
memory must hold afterwards, inputs, constants and the gaps between the tensors included, so
that a write to a wrong place shows. Tensors that shared memory on the host share it in the
image too, and keep their alignment. recording.h describes the layout.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Sequence

import numpy as np

from converter.ir.training_ops import TRAINING_OPS

_MAGIC = 0x52434D54
_HEADER = struct.Struct("<3I")
_OPERATOR = struct.Struct("<10I")
_TENSOR = struct.Struct("<6I")
_ALIGNMENT = 16
# Between tensors that share nothing; a kernel that writes there is found out.
_GAP = 16
_GAP_BYTE = 0xA5
# kUnspecified in replay.cc.
_UNSPECIFIED_BYTE = 0
_ROWS = {op.CUSTOM_CODE: row for row, op in enumerate(TRAINING_OPS)}


@dataclasses.dataclass(frozen=True)
class RecordedTensor:
    """One tensor of an operator.

    before: its memory as the operator finds it, None if nothing was written to it yet; after:
    what it must hold afterwards, same shape and dtype. address: where it was on the host, None
    for memory of its own. is_unspecified: whatever it holds afterwards is right.
    """

    after: np.ndarray
    before: np.ndarray | None = None
    address: int | None = None
    is_constant: bool = False
    is_unspecified: bool = False


@dataclasses.dataclass(frozen=True)
class RecordedOperator:
    """An operator with its tensors; inputs and outputs index them, -1 is an absent input."""

    custom_code: str
    options: bytes
    tensors: Sequence[RecordedTensor]
    inputs: Sequence[int]
    outputs: Sequence[int]


def unspecified(outputs: Sequence[np.ndarray]) -> list[bool]:
    """True for the mantissas of a gradient whose maximum is 0: nobody reads them."""
    result = [False] * len(outputs)
    for i, (array, scale) in enumerate(zip(outputs, outputs[1:], strict=False)):
        is_gradient = array.dtype in (np.int8, np.int16) and scale.dtype == np.float32
        result[i] = is_gradient and scale.shape == (2,) and bool(scale[1] == 0)
    return result


def split(operators: Iterable[RecordedOperator], limit: int) -> list[list[RecordedOperator]]:
    """The operators in groups of at most `limit` bytes each, unless one alone has more."""
    groups: list[list[RecordedOperator]] = [[]]
    size = 0
    for operator in operators:
        own = len(pack([operator]))
        if groups[-1] and size + own > limit:
            groups.append([])
            size = 0
        groups[-1].append(operator)
        size += own
    return groups


def pack(operators: Sequence[RecordedOperator]) -> bytes:
    """The file that the emulator loads."""
    blob = _Blob(_HEADER.size + _OPERATOR.size * len(operators))
    records = [_pack_operator(operator, blob) for operator in operators]
    blob.data[: _HEADER.size] = _HEADER.pack(_MAGIC, len(operators), _HEADER.size)
    blob.data[_HEADER.size : _HEADER.size + _OPERATOR.size * len(records)] = b"".join(records)
    return bytes(blob.data)


def tensor_at(operator: RecordedOperator, offset: int) -> str:
    """Names the tensor that has the byte `offset` of the operator's memory."""
    places, _ = _place(operator.tensors)
    for role, indices in (("output", operator.outputs), ("input", operator.inputs)):
        for i, index in enumerate(indices):
            if index < 0:
                continue
            begin, array = places[index], operator.tensors[index].after
            if begin <= offset < begin + array.nbytes:
                element = (offset - begin) // array.itemsize
                return f"{role} {i}, {array.dtype}{list(array.shape)}, element {element}"
    return "memory outside all tensors"


class _Blob:
    """A growing file; `add` gives the offset of what it appends."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)

    def add(self, data: bytes, alignment: int = 4) -> int:
        self.data += bytes(-len(self.data) % alignment)
        offset = len(self.data)
        self.data += data
        return offset

    def add_int_array(self, values: Sequence[int]) -> int:
        return self.add(struct.pack(f"<{len(values) + 1}i", len(values), *values))


def _pack_operator(operator: RecordedOperator, blob: _Blob) -> bytes:
    places, size = _place(operator.tensors)
    before, after = _images(operator.tensors, places, size)
    tensors = b"".join(
        _TENSOR.pack(
            ord(tensor.after.dtype.char),
            blob.add_int_array(tensor.after.shape),
            place,
            tensor.after.nbytes,
            int(tensor.is_constant),
            int(tensor.is_unspecified),
        )
        for tensor, place in zip(operator.tensors, places, strict=True)
    )
    return _OPERATOR.pack(
        _ROWS[operator.custom_code],
        blob.add(operator.options),
        len(operator.options),
        blob.add_int_array(operator.inputs),
        blob.add_int_array(operator.outputs),
        blob.add(tensors),
        len(operator.tensors),
        blob.add(before, _ALIGNMENT),
        blob.add(after, _ALIGNMENT),
        size,
    )


def _place(tensors: Sequence[RecordedTensor]) -> tuple[list[int], int]:
    """Offset of each tensor, and the size of the memory of all of them."""
    places = [0] * len(tensors)
    end = _GAP
    shared = sorted(
        (tensor.address, i) for i, tensor in enumerate(tensors) if tensor.address is not None
    )
    base, host_end = 0, -1  # of the run of tensors that overlap
    for address, i in shared:
        if address >= host_end:
            end = _aligned(end + _GAP)
            base = end + address % _ALIGNMENT - address
        places[i] = base + address
        host_end = max(host_end, address + tensors[i].after.nbytes)
        end = max(end, places[i] + tensors[i].after.nbytes)
    for i, tensor in enumerate(tensors):
        if tensor.address is None:
            places[i] = _aligned(end + _GAP)
            end = places[i] + tensor.after.nbytes
    return places, _aligned(end + _GAP)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _images(
    tensors: Sequence[RecordedTensor], places: Sequence[int], size: int
) -> tuple[bytes, bytes]:
    """The memory of all tensors before and after the operator runs."""
    before, after = (np.full(size, _GAP_BYTE, np.uint8) for _ in range(2))
    for tensor, place in zip(tensors, places, strict=True):
        memory = slice(place, place + tensor.after.nbytes)
        if tensor.before is not None:
            before[memory] = np.frombuffer(tensor.before.tobytes(), np.uint8)
        after[memory] = np.frombuffer(tensor.after.tobytes(), np.uint8)
    for tensor, place in zip(tensors, places, strict=True):
        if tensor.is_unspecified:
            after[place : place + tensor.after.nbytes] = _UNSPECIFIED_BYTE
    return before.tobytes(), after.tobytes()
