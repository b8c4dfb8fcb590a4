"""What the twins of the forward operators share: from accumulator to output, and what they save."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import TrainingConv
from kernels.core.twin import rounding_shift


def multiply_by_quantized_multiplier(
    value: np.ndarray, multiplier: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """value * multiplier * 2^(shift - 31), rounded twice: half up, then half away from zero."""
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = rounding_shift((value << left).astype(np.int32).astype(np.int64) * multiplier, 31)
    half = (np.int64(1) << right) >> 1
    return np.sign(high) * ((np.abs(high) + half) >> right)


def finish_training_conv(
    options: TrainingConv,
    acc: np.ndarray,
    input_: np.ndarray,
    bias: np.ndarray | None,
    output_multiplier: np.ndarray,
    output_shift: np.ndarray,
) -> list[np.ndarray]:
    """The outputs of a forward operator; acc: int64 [OH, OW, O] without the bias."""
    o = options
    if bias is not None:
        acc = acc + bias.reshape(-1)
    scaled = multiply_by_quantized_multiplier(
        acc.astype(np.int32).astype(np.int64),  # wraps
        output_multiplier.reshape(-1).astype(np.int64),
        output_shift.reshape(-1).astype(np.int64),
    )
    shifted = (scaled + o.output_zero_point).astype(np.int32)  # wraps
    output = np.clip(shifted, o.activation_min, o.activation_max).astype(np.int8)
    results = [output.reshape(1, *acc.shape)]
    pixels = input_.reshape(1, o.input_height, o.input_width, o.input_channels)
    if o.saved_channels:
        results.append(pixels[..., : o.saved_channels])
    if o.saves_mask:
        passing = (pixels > o.mask_min) & (pixels < o.mask_max)
        results.append(np.packbits(passing.reshape(-1), bitorder="little"))
    return results
