"""NumPy twin of APPLY_UPDATES; arguments are the operator's inputs in order."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import FRACTION, ApplyUpdates
from kernels.core.loss_twin import is_positive
from kernels.core.twin import rounding_shift


def counts(options: ApplyUpdates, label: np.ndarray | None, learning_rate: np.ndarray) -> bool:
    """Whether a step trains, and so counts."""
    has_label = label is None or 0 <= int(label[0]) < options.classes
    return has_label and is_positive(learning_rate[0])


def apply_to_weights(
    clamp: int, limit: int, weights: np.ndarray, pending: np.ndarray, fractions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights, the pending values and their fractions afterwards, all int8."""
    step = pending.astype(np.int64) * FRACTION + fractions
    moves = step != 0
    bounded = np.clip(step, -clamp * FRACTION, clamp * FRACTION)
    total = np.clip(
        weights.astype(np.int64) * FRACTION + bounded, -limit * FRACTION, limit * FRACTION
    )
    after = rounding_shift(total, FRACTION.bit_length() - 1)
    rest = np.where(moves, total - after * FRACTION, 0)
    values = np.where(moves, after, weights)
    return values.astype(np.int8), np.zeros_like(pending), rest.astype(np.int8)


def apply_to_biases(
    clamp: int, limit: int, biases: np.ndarray, pending: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The biases and what is pending afterwards, both int32."""
    total = biases.astype(np.int64) + np.clip(pending, -clamp, clamp)
    after = np.where(pending != 0, np.clip(total, -limit, limit), biases)
    return after.astype(np.int32), np.zeros_like(pending)


def apply_updates(
    options: ApplyUpdates,
    label: np.ndarray | None,
    learning_rate: np.ndarray,
    count: np.ndarray,
    bounds: np.ndarray,
    *parameters: np.ndarray | None,
) -> list[np.ndarray]:
    """The count, then each parameter with what is pending, after the step."""
    written = [array.copy() for array in (count, *parameters) if array is not None]
    if not counts(options, label, learning_rate):
        return written
    before = min(max(int(count[0]), 0), options.samples - 1)
    if before < options.samples - 1:
        written[0][0] = before + 1
        return written
    written = [np.zeros_like(count)]
    for (clamp, limit), i in zip(bounds.tolist(), range(0, len(parameters), 3), strict=True):
        parameter, pending, fractions = parameters[i : i + 3]
        assert parameter is not None and pending is not None
        if fractions is None:
            written += apply_to_biases(clamp, limit, parameter, pending)
        else:
            written += apply_to_weights(clamp, limit, parameter, pending, fractions)
    return written
