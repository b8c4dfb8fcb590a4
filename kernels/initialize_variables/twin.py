"""INITIALIZE_VARIABLES in NumPy."""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import InitializeVariables


def initialize_variables(_: InitializeVariables, *pairs: np.ndarray | None) -> list[np.ndarray]:
    """What the variables hold after the first invocation: their initial values, or zeros."""
    return [
        np.zeros_like(variable) if initial is None else initial.copy()
        for initial, variable in zip(pairs[::2], pairs[1::2], strict=True)
    ]
