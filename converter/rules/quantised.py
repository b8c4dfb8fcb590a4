"""What every rule takes for granted of values: they are int8, with scales to compute with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converter.model.graph import Operator
from converter.rules.constraint import NOT_INT8, SCALE, UNQUANTISED, Constraint, Refusal

CONSTRAINTS: tuple[Constraint, ...] = (NOT_INT8, UNQUANTISED, SCALE)


def not_int8(operator: Operator, inputs: Sequence[int]) -> Refusal | None:
    """Why gradients cannot pass through the values of an operator, those inputs and its outputs,
    or None."""
    for tensor in (*(operator.inputs[i] for i in inputs), *operator.outputs):
        assert tensor is not None  # converter.model.check
        if tensor.dtype != np.int8 or tensor.tensor_type is not None:
            return NOT_INT8.broken(tensor)
        if tensor.quantization is None:
            return UNQUANTISED.broken(tensor)
        # Zero has no inverse, and that of a denormal number may be no float32.
        if tensor.quantization.scale.min() < np.finfo(np.float32).tiny:
            return SCALE.broken(tensor)
    return None
