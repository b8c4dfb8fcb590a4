"""What a device says of itself and of its model: the payload of the reply to INFO."""

from __future__ import annotations

import dataclasses
import math
import struct

import numpy as np

_SIZES = struct.Struct("<10I16s")
_TENSOR = struct.Struct("<BBHfi")
# Far more than TFLite Micro has.
_MOST_DIMENSIONS = 8
_MOST_ELEMENTS = 2**31 - 1
_DTYPES = {1: np.float32, 2: np.int32, 3: np.uint8, 7: np.int16, 9: np.int8}


@dataclasses.dataclass(frozen=True)
class DeviceTensor:
    """An input or output of the device's model, as `data.TensorDescription`."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    scale: float
    zero_point: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclasses.dataclass(frozen=True)
class DeviceInfo:
    """What the device says about itself. Sizes are in bytes.

    steps: training steps behind the present weights. target_bytes: 0 unless the loss is the
    mean squared error. classes: 0 with the mean squared error. stack_bytes: 0 where the
    device does not know. ticks_per_second: of the counter that times the steps.
    """

    model_id: bytes
    input: DeviceTensor
    output: DeviceTensor
    arena_bytes: int
    arena_used_bytes: int
    stack_bytes: int
    stack_used_bytes: int
    checkpoint_bytes: int
    steps: int
    sample_bytes: int
    target_bytes: int
    classes: int
    ticks_per_second: int


def parse_info(payload: bytes) -> DeviceInfo:
    """Raises struct.error, KeyError or ValueError for what makes no sense."""
    *sizes, model_id = _SIZES.unpack_from(payload)
    first, offset = _tensor("input", payload, _SIZES.size)
    second, _ = _tensor("output", payload, offset)
    info = DeviceInfo(model_id, first, second, *sizes)
    if info.ticks_per_second == 0:
        raise ValueError("a counter that does not count")
    return info


def _tensor(name: str, payload: bytes, offset: int) -> tuple[DeviceTensor, int]:
    """A tensor's description at `offset`, and the offset behind it."""
    code, rank, _, scale, zero_point = _TENSOR.unpack_from(payload, offset)
    offset += _TENSOR.size
    shape = struct.unpack_from(f"<{rank}i", payload, offset)
    if rank > _MOST_DIMENSIONS or min(shape, default=1) < 1 or math.prod(shape) > _MOST_ELEMENTS:
        raise ValueError(f"{name} of shape {list(shape)}")
    tensor = DeviceTensor(name, shape, np.dtype(_DTYPES[code]), scale, zero_point)
    return tensor, offset + 4 * rank
