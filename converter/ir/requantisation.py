"""The integers by which TFLite Micro brings an int32 accumulator to the scale of its output."""

from __future__ import annotations

import math

import numpy as np

_MIN_SHIFT, MAX_SHIFT = -31, 30  # what MultiplyByQuantizedMultiplier takes


def quantize_multiplier(value: float) -> tuple[int, int]:
    """(multiplier, shift) with value = multiplier * 2^(shift - 31), as QuantizeMultiplier in
    tensorflow/lite/kernels/internal/quantization_util.cc. Raises ValueError above 2^30."""
    if value == 0.0:
        return 0, 0
    fraction, shift = math.frexp(value)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < _MIN_SHIFT:
        return 0, 0
    if shift > MAX_SHIFT:
        raise ValueError(f"a multiplier of {value} leaves the range of an int32 accumulator")
    return multiplier, shift


def requantisation_tables(
    input_scale: float, filter_scales: np.ndarray, output_scale: float, fully_connected: bool
) -> tuple[np.ndarray, np.ndarray]:
    """output_multiplier int32 and output_shift int8, an entry for each filter scale.

    As TFLite Micro computes them from float32 scales, in double precision; but
    FULLY_CONNECTED with a single scale rounds s_x * s_w to float32
    (GetQuantizedConvolutionMultipler in tensorflow/lite/kernels/kernel_util.cc).
    """
    scales = np.asarray(filter_scales, np.float32).reshape(-1)
    source, output = np.float32(input_scale), float(np.float32(output_scale))
    if fully_connected and scales.size == 1:
        products = [float(source * scales[0])]
    else:
        products = [float(source) * float(scale) for scale in scales]
    tables = [quantize_multiplier(product / output) for product in products]
    return (
        np.array([multiplier for multiplier, _ in tables], np.int32),
        np.array([shift for _, shift in tables], np.int8),
    )
