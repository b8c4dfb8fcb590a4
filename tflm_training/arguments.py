"""Numbers that a caller gives, brought to Python's own types: NumPy's cannot be written as JSON."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

import numpy as np

from tflm_training.data import DataError


def whole_number(name: str, value: Any, least: int) -> int:
    """An integer of `least` or more. Raises DataError."""
    try:
        number = operator.index(value)
    except TypeError as error:
        raise DataError(f"{name} {value!r}: must be a whole number") from error
    if number < least:
        raise DataError(f"{name} {number}: must be {least} or larger")
    return number


def non_negative(name: str, value: Any) -> float:
    """A finite number of 0 or more. Raises DataError."""
    if not isinstance(value, numbers.Real):
        raise DataError(f"{name} {value!r}: must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0.0:
        raise DataError(f"{name} {number}: must be finite and not negative")
    return number


def truth(name: str, value: Any) -> bool:
    """True or False, or an integer that stands for them. Raises DataError."""
    if not isinstance(value, (bool, np.bool_, numbers.Integral)):
        raise DataError(f"{name} {value!r}: must be True or False")
    return bool(value)
