"""SOFTMAX_CROSS_ENTROPY in NumPy, bit for bit."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import SoftmaxCrossEntropy
from kernels.core.loss_twin import is_positive, loss_from_q16, natural_from_log2_q16
from kernels.core.twin import gradient_scale, log2_q16, no_gradient, product, rounding_shift


def softmax_cross_entropy(
    options: SoftmaxCrossEntropy,
    logits: np.ndarray,
    label: np.ndarray,
    learning_rate: np.ndarray,
    exponentials: np.ndarray,
    *,
    dtype: type = np.int16,
) -> list[np.ndarray]:
    """[loss float32 [1], gradient of `dtype` in the shape of `logits`, gradient_scale float32
    [2]]."""
    target = int(label[0])
    if not 0 <= target < options.classes:
        return [np.zeros(1, np.float32), *no_gradient(logits.shape, dtype)]

    q = logits.reshape(-1).astype(np.int64)
    terms = exponentials.astype(np.int64)[q.max() - q]
    total = int(terms.sum())
    loss_q16 = natural_from_log2_q16(log2_q16(total) - 65536 * options.exponential_bits)
    loss_q16 += options.logit_scale_q16 * int(q.max() - q[target])
    loss = loss_from_q16(max(loss_q16, 0))

    unscaled = terms.copy()
    unscaled[target] -= total
    unscaled_max = int(np.abs(unscaled).max())
    if unscaled_max == 0 or not is_positive(learning_rate[0]):
        return [loss, *no_gradient(logits.shape, dtype)]

    limit = (1 << options.gradient_bits) - 1
    mantissas = rounding_shift(unscaled * ((limit << 32) // unscaled_max), 32)
    sigma = product(options.beta, unscaled_max) / product(total, limit)
    return [
        loss,
        mantissas.reshape(logits.shape).astype(dtype),
        gradient_scale(sigma, int(np.abs(mantissas).max())),
    ]
