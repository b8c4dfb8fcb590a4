"""INITIALIZE_VARIABLES in NumPy."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import InitializeVariables


def initialize_variables(_: InitializeVariables, *pairs: np.ndarray) -> list[np.ndarray]:
    """What the variables hold after the first invocation: their initial values."""
    return [initial.copy() for initial in pairs[::2]]
