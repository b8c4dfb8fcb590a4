"""NumPy twin of BIAS_UPDATE; arguments are the operator's inputs in order."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import BiasUpdate
from kernels.core import twin


def bias_gradient(options: BiasUpdate, gradient: np.ndarray) -> np.ndarray:
    """sum m over positions, int64 [C]."""
    return gradient.reshape(options.positions, options.channels).sum(axis=0, dtype=np.int64)


def bias_update(
    options: BiasUpdate,
    gradient: np.ndarray,
    gradient_scale: np.ndarray,
    bias: np.ndarray,
    learning_rate: np.ndarray,
    update_scale: np.ndarray,
    random_state: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The bias, int32 [C], and random_state, int32 [1], after the step."""
    sigma, max_abs = twin.read_gradient_scale(gradient_scale)
    if max_abs == 0:
        return bias, random_state
    scales = np.broadcast_to(update_scale, bias.shape)
    factor = twin.decompose_factor(twin.product(learning_rate, sigma, scales))
    total = bias_gradient(options, gradient)
    step, state = twin.random_step(total, factor, options.clamp, random_state)
    moved = np.clip(bias.astype(np.int64) - step, -options.limit, options.limit)
    return np.where(factor.trains, moved, bias).astype(np.int32), state
