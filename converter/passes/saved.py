"""What the forward pass keeps for the backward pass, made as small as it can be.

The backward pass reads an activation for two reasons: FILTER_UPDATE multiplies the trained
channels of it with the gradient, and a mask asks whether its clamp was reached. Where all
readers are of these kinds and a lowered convolution reads the activation in the forward
pass, that convolution keeps the trained channels and one bit an element in its stead.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from converter.ir.training_ops import (
    INPUT_GRADS,
    TRAINING_OPS,
    AveragePool2DGrad,
    Conv2DFilterUpdate,
    ConvFilterUpdate,
    DepthwiseConv2DFilterUpdate,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
    MeanGrad,
)
from converter.model.graph import Operator, Tensor

_RECORDS = {record.CUSTOM_CODE: record for record in TRAINING_OPS}
_FILTER_UPDATES = (Conv2DFilterUpdate.CUSTOM_CODE, DepthwiseConv2DFilterUpdate.CUSTOM_CODE)
# Operator -> index of its input `masked_by`.
_MASKED_BY = {
    **{record.CUSTOM_CODE: 4 for record in INPUT_GRADS},
    AveragePool2DGrad.CUSTOM_CODE: 2,
    MeanGrad.CUSTOM_CODE: 2,
    GradientSlice.CUSTOM_CODE: 2,
    GradientMask.CUSTOM_CODE: 2,
    GradientAdd.CUSTOM_CODE: 4,
    GradientMul.CUSTOM_CODE: 3,
}


@dataclasses.dataclass
class Saved:
    """Additional outputs of one lowered convolution."""

    channels: int = 0
    input: Tensor | None = None
    mask: Tensor | None = None
    mask_bounds: tuple[int, int] | None = None

    def tensors(self) -> list[Tensor]:
        return [t for t in (self.input, self.mask) if t is not None]

    def options(self) -> dict[str, int]:
        fields = {"saved_channels": self.channels, "saves_mask": int(self.mask is not None)}
        if self.mask_bounds is not None:
            fields["mask_min"], fields["mask_max"] = self.mask_bounds
        return fields


def shrink_saved(
    tensor: Tensor, readers: list[Operator], lowered: list[Operator], saved: dict[int, Saved]
) -> None:
    """Let the backward operators read less than `tensor`, if that saves memory.

    readers: the backward operators that read it; lowered: the convolutions to be lowered
    that read it in the forward pass, in order; saved: id(operator) -> what it writes.
    """
    masks = [op for op in readers if _reads_as_mask(op, tensor)]
    updates = [op for op in readers if op.name in _FILTER_UPDATES and op.inputs[0] is tensor]
    if len(masks) + len(updates) != len(readers) or not lowered:
        return
    slices: list[_Slice] = []
    for update in updates:
        piece = _slice(update, tensor, lowered)
        if piece is None:
            return
        slices.append(piece)
    kept = sum(s.stored for s in slices) * (tensor.elements // tensor.shape[-1])
    kept += -(-tensor.elements // 8) if masks else 0
    if kept >= tensor.bytes:
        return
    for piece in slices:
        _save_slice(tensor, piece, saved)
    if masks:
        _save_mask(tensor, masks, lowered[-1], saved)


@dataclasses.dataclass(frozen=True)
class _Slice:
    """update: a FILTER_UPDATE that reads the first `stored` channels of the input of `layer`."""

    update: Operator
    layer: Operator
    stored: int


def _slice(update: Operator, tensor: Tensor, lowered: list[Operator]) -> _Slice | None:
    options = _unpack(update)
    assert isinstance(options, ConvFilterUpdate)
    layers = [op for op in lowered if op.inputs[1] is update.inputs[3] and op.inputs[0] is tensor]
    if len(layers) != 1:
        return None
    multiplier = 1
    if isinstance(options, DepthwiseConv2DFilterUpdate):
        multiplier = options.output_channels // options.input_channels
    return _Slice(update, layers[0], -(-options.channels // multiplier))


def _save_slice(tensor: Tensor, piece: _Slice, saved: dict[int, Saved]) -> None:
    entry = saved.setdefault(id(piece.layer), Saved())
    entry.channels = piece.stored
    entry.input = Tensor(
        f"{tensor.name}/saved_{piece.layer.output.name}",
        (*tensor.shape[:-1], piece.stored),
        tensor.dtype,
        tensor.quantization,
    )
    piece.update.inputs[0] = entry.input
    _set_options(piece.update, stored_channels=piece.stored)


def _save_mask(
    tensor: Tensor, readers: list[Operator], layer: Operator, saved: dict[int, Saved]
) -> None:
    entry = saved.setdefault(id(layer), Saved())
    entry.mask = Tensor(f"{tensor.name}/mask", (-(-tensor.elements // 8),), np.dtype(np.uint8))
    for reader in readers:
        options = _unpack(reader)
        entry.mask_bounds = (options.mask_min, options.mask_max)  # the same for all readers
        reader.inputs[_MASKED_BY[reader.name]] = entry.mask


def _reads_as_mask(operator: Operator, tensor: Tensor) -> bool:
    """Whether masked_by is the operator's only use of the tensor."""
    index = _MASKED_BY.get(operator.name)
    places = [i for i, t in enumerate(operator.inputs) if t is tensor]
    return places == [index]


def _unpack(operator: Operator) -> Any:
    assert operator.custom_options is not None
    return _RECORDS[operator.name].unpack(operator.custom_options)


def _set_options(operator: Operator, **fields: int) -> None:
    operator.custom_options = dataclasses.replace(_unpack(operator), **fields).pack()
