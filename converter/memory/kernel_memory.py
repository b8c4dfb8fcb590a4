"""What each operator's kernel requests from the arena.

A kernel requests persistent buffers in Init and in Prepare, and scratch buffers (alive
during its Invoke) in Prepare. Sizes of its own structures are in targets.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from converter.ir.training_ops import TRAINING_OPS, InitializeVariables
from converter.memory import cmsis_nn
from converter.memory.targets import Struct, Target
from converter.model import Operator, Tensor
from converter.model.schema import schema

_INT16_SOFTMAX_TABLE = 2 * 513  # LUTSize<int16_t>() entries
# The training operators keep their state in tensors; one has a flag "variables are set".
_CUSTOM_INIT = {
    **{op.CUSTOM_CODE: () for op in TRAINING_OPS},
    InitializeVariables.CUSTOM_CODE: (1,),
}


@dataclasses.dataclass(frozen=True)
class KernelMemory:
    """Requests of one operator in order, bytes. `options`: the parsed options, or None.

    `known` is false for an operator that the table lacks: the figures then are an
    allowance, generous by the measure of TFLite Micro's own kernels.
    """

    options: Struct | None = None
    init: tuple[int, ...] = ()
    prepare: tuple[int, ...] = ()
    scratch: tuple[int, ...] = ()
    known: bool = True


@dataclasses.dataclass(frozen=True)
class _Prepare:
    """What Prepare requests."""

    persistent: tuple[int, ...] = ()
    scratch: tuple[int, ...] = ()


def kernel_memory(operator: Operator, target: Target) -> KernelMemory:
    """What the kernel of `operator` requests from the arena on `target`."""
    if operator.is_custom:
        if operator.name in _CUSTOM_INIT:
            return KernelMemory(init=_CUSTOM_INIT[operator.name])
        return _allowance(operator)
    if operator.name not in target.init_bytes:
        return _allowance(operator)
    prepare = _PREPARE.get(operator.name, _nothing)(operator, target)
    if prepare is None:
        return _allowance(operator)
    init = target.init_bytes[operator.name]
    return KernelMemory(
        options=target.options.get(operator.name),
        init=(init,) if init else (),
        prepare=prepare.persistent,
        scratch=prepare.scratch,
    )


def _allowance(operator: Operator) -> KernelMemory:
    """More than the known kernels take but LSTMs: structures, tables along the widest
    dimension and 64 bits of scratch per element."""
    largest = max((t.elements for t in operator.tensors()), default=0)
    widest = max((max(t.shape, default=0) for t in operator.tensors()), default=0)
    return KernelMemory(
        options=Struct(64, 8),
        init=(1024,),
        prepare=(64 * widest,),
        scratch=(8 * largest,),
        known=False,
    )


def _input(operator: Operator, index: int) -> Tensor:
    tensor = operator.inputs[index]
    assert tensor is not None, f"{operator.name} lacks input {index}"
    return tensor


def _is_int4(tensor: Tensor) -> bool:
    return bool(tensor.tensor_type == schema.TensorType.INT4)


def _requantisation(channels: int) -> tuple[int, int]:
    """A multiplier and a shift per output channel, int32 each."""
    return (4 * channels, 4 * channels)


def _nothing(operator: Operator, target: Target) -> _Prepare | None:
    return _Prepare()


def _conv_2d(operator: Operator, target: Target) -> _Prepare | None:
    source, kernel = _input(operator, 0), _input(operator, 1)
    tables = _requantisation(kernel.shape[0])
    if not target.cmsis_nn:
        return _Prepare(tables, (kernel.elements,) if _is_int4(kernel) else ())
    if source.dtype == np.float32:
        return _Prepare()
    if source.dtype != np.int8:
        return None
    return _Prepare(
        tables, _if_any(cmsis_nn.convolve_s8(operator.options, source.shape, kernel.shape))
    )


def _depthwise_conv_2d(operator: Operator, target: Target) -> _Prepare | None:
    source, kernel = _input(operator, 0), _input(operator, 1)
    tables = _requantisation(kernel.shape[3])
    if not target.cmsis_nn:
        return _Prepare(tables, (kernel.elements,) if _is_int4(kernel) else ())
    if source.dtype == np.float32:
        return _Prepare()
    if source.dtype != np.int8 or _is_int4(kernel):
        return None
    size = cmsis_nn.depthwise_conv_s8(operator.options, source.shape, kernel.shape)
    return _Prepare(tables, _if_any(size))


def _fully_connected(operator: Operator, target: Target) -> _Prepare | None:
    source, kernel = _input(operator, 0), _input(operator, 1)
    scales = 1 if kernel.quantization is None else kernel.quantization.scale.size
    per_channel = scales > 1
    tables = _requantisation(scales) if per_channel else ()
    if per_channel and target.per_channel_record_bytes:
        tables = (target.per_channel_record_bytes, *tables)
    if not target.cmsis_nn:
        return _Prepare(tables, (kernel.elements,) if _is_int4(kernel) else ())
    if source.dtype == np.int16:
        return None
    # With three or more dimensions CMSIS-NN runs it as a 1x1 convolution, which wants the
    # multiplier and shift of every channel.
    output = operator.output.shape
    as_conv = source.dtype == np.int8 and not _is_int4(kernel) and len(output) > 2
    if as_conv and kernel.shape[-1] % 4 == 0 and not per_channel:
        return _Prepare(tables, (8 * output[-1],))
    return _Prepare(tables)


def _average_pool_2d(operator: Operator, target: Target) -> _Prepare | None:
    source = _input(operator, 0)
    if target.cmsis_nn and source.dtype != np.float32:
        return _Prepare(scratch=_if_any(4 * source.shape[3]))  # a sum per channel
    return _Prepare()


def _mean_or_sum(operator: Operator, target: Target) -> _Prepare | None:
    source, axis = _input(operator, 0), _input(operator, 1)
    sums = (4 * operator.output.elements,) if source.dtype in (np.int8, np.int16) else ()
    if not target.cmsis_nn:
        return _Prepare(scratch=sums)
    return _Prepare(scratch=(*sums, 4 * len(source.shape), 4 * axis.elements))


def _reduce_max(operator: Operator, target: Target) -> _Prepare | None:
    source, axis = _input(operator, 0), _input(operator, 1)
    return _Prepare(scratch=(4 * len(source.shape), 4 * axis.elements))


def _concatenation(operator: Operator, target: Target) -> _Prepare | None:
    if target.cmsis_nn or _input(operator, 0).dtype != np.int8:
        return _Prepare()
    return _Prepare((4 * len(operator.inputs),) * 2)  # older: a scale and zero point per input


def _softmax(operator: Operator, target: Target) -> _Prepare | None:
    if _input(operator, 0).dtype == np.int16:
        return _Prepare((_INT16_SOFTMAX_TABLE, _INT16_SOFTMAX_TABLE))
    return _Prepare()


def _transpose_conv(operator: Operator, target: Target) -> _Prepare | None:
    kernel, source = _input(operator, 1), _input(operator, 2)
    tables = _requantisation(kernel.shape[0])
    if source.dtype == np.float32:
        return _Prepare(tables)
    if source.dtype != np.int8:
        return None
    if not target.cmsis_nn:
        return _Prepare(tables, (4 * operator.output.elements,))
    return _Prepare(
        tables, cmsis_nn.transpose_conv_s8(operator.options, source.shape, kernel.shape)
    )


def _writable_dimensions(operator: Operator, target: Target) -> _Prepare | None:
    return _Prepare((4 + 4 * len(operator.output.shape),))  # TfLiteIntArray


def _mirror_pad(operator: Operator, target: Target) -> _Prepare | None:
    return _Prepare(scratch=(4 * len(_input(operator, 0).shape),) * 2)


def _svdf(operator: Operator, target: Target) -> _Prepare | None:
    source, features = _input(operator, 0), _input(operator, 1)
    filters, batch = features.shape[0], source.shape[0]
    if source.dtype == np.float32:
        return _Prepare(scratch=(4 * batch * filters,))
    units = filters // operator.options.rank
    return _Prepare(scratch=(4 * batch * filters, 4 * batch * units))


def _lstm(operator: Operator, target: Target) -> _Prepare | None:
    source, hidden, cell = _input(operator, 0), _input(operator, 18), _input(operator, 19)
    state = hidden.elements * cell.dtype.itemsize
    if not target.cmsis_nn or source.dtype == np.float32:
        return _Prepare(scratch=(state,) * 4)
    sums = 4 * hidden.shape[1] if source.dtype == np.int8 else 8 * hidden.shape[1]
    return _Prepare((sums,) * 8, (state,) * 3)  # a sum of weights per gate and per input


def _if_any(size: int) -> tuple[int, ...]:
    return (size,) if size > 0 else ()


_PREPARE: Mapping[str, Callable[[Operator, Target], _Prepare | None]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _average_pool_2d,
    "MEAN": _mean_or_sum,
    "SUM": _mean_or_sum,
    "REDUCE_MAX": _reduce_max,
    "CONCATENATION": _concatenation,
    "SOFTMAX": _softmax,
    "TRANSPOSE_CONV": _transpose_conv,
    "GATHER": _writable_dimensions,
    "DEPTH_TO_SPACE": _writable_dimensions,
    "SPACE_TO_DEPTH": _writable_dimensions,
    "MIRROR_PAD": _mirror_pad,
    "SVDF": _svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
