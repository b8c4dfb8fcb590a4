"""The custom operators that only move variables; see training_ops.py."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from converter.ir.options import Options


@dataclasses.dataclass(frozen=True)
class InitializeVariables(Options):
    """Inputs [initial_0, variable_0, initial_1, variable_1, ...]; no outputs. A variable
    without an initial value starts with zeros."""

    CUSTOM_CODE: ClassVar[str] = "INITIALIZE_VARIABLES"


@dataclasses.dataclass(frozen=True)
class ApplyUpdates(Options):
    """Inputs [label int32 [1] or absent, learning_rate float32 [1], count int32 [1] (written),
    bounds int32 [n, 2] (constant), then n times parameter, pending, fraction (all written)]; no
    outputs. parameter: int8, or int32 with the fraction absent; pending: its type and size;
    fraction: int8 of its size. At the `samples`-th sample that trains parameter += pending +
    fraction / FRACTION. bounds[i] = (clamp, limit): the largest change, and the largest
    |parameter|, LSB."""

    CUSTOM_CODE: ClassVar[str] = "APPLY_UPDATES"
    samples: int
    classes: int  # labels are in 0..classes - 1; 0: no label
