"""SIGMOID_CROSS_ENTROPY in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import SigmoidCrossEntropy
from kernels.core.loss_twin import is_positive, loss_from_q16, natural_from_log2_q16
from kernels.core.twin import gradient_scale, log2_q16, no_gradient, power_of_two, product

_BITS = 30


def sigmoid_cross_entropy(
    options: SigmoidCrossEntropy,
    logit: np.ndarray,
    label: np.ndarray,
    learning_rate: np.ndarray,
    probabilities: np.ndarray,
    *,
    dtype: type = np.int16,
) -> list[np.ndarray]:
    """[loss float32 [1], gradient of `dtype` in the shape of `logit`, gradient_scale float32
    [2]]."""
    target = int(label[0])
    if target not in (0, 1):
        return [np.zeros(1, np.float32), *no_gradient(logit.shape, dtype)]

    probability = int(probabilities[int(logit.reshape(-1)[0]) + 128])
    right = probability if target == 1 else (1 << _BITS) - probability
    loss = loss_from_q16(natural_from_log2_q16(65536 * _BITS - log2_q16(max(right, 1))))
    difference = probability - (target << _BITS)
    if difference == 0 or not is_positive(learning_rate[0]):
        return [loss, *no_gradient(logit.shape, dtype)]

    limit = (1 << options.gradient_bits) - 1
    mantissa = limit if difference > 0 else -limit
    sigma = product(abs(difference), power_of_two(-_BITS)) / np.float32(limit)
    return [loss, np.full(logit.shape, mantissa, dtype), gradient_scale(sigma, limit)]
