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
) -> list[np.ndarray]:
    """[loss float32 [1], gradient int16 of the shape of `logit`, gradient_scale float32 [2]]."""
    target = int(label[0])
    if target not in (0, 1):
        return [np.zeros(1, np.float32), *no_gradient(logit.shape)]

    probability = int(probabilities[int(logit.reshape(-1)[0]) + 128])
    right = probability if target == 1 else (1 << _BITS) - probability
    loss = loss_from_q16(natural_from_log2_q16(65536 * _BITS - log2_q16(max(right, 1))))
    difference = probability - (target << _BITS)
    if difference == 0 or not is_positive(learning_rate[0]):
        return [loss, *no_gradient(logit.shape)]

    limit = (1 << options.gradient_bits) - 1
    mantissa = limit if difference > 0 else -limit
    sigma = product(abs(difference), power_of_two(-_BITS)) / np.float32(limit)
    return [loss, np.full(logit.shape, mantissa, np.int16), gradient_scale(sigma, limit)]
