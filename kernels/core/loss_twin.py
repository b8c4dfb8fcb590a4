"""What the twins of the losses share."""

from __future__ import annotations

import numpy as np

_LN2_Q16 = 45426


def is_positive(value: np.float32) -> bool:
    """A finite number above zero. A learning rate that is none asks for no training."""
    return bool(np.isfinite(value) and value > 0)


def natural_from_log2_q16(log2_q16: int) -> int:
    """A logarithm to base 2 as one to base e, both with 16 fraction bits, rounded down."""
    return (log2_q16 * _LN2_Q16) >> 16


def loss_from_q16(loss_q16: int) -> np.ndarray:
    """A loss with 16 fraction bits as float32 [1]."""
    return np.array([loss_q16], np.float32) * np.float32(1 / 65536)
