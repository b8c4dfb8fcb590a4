"""Proves that no integer of a training graph can overflow, from the operators that were made.

The rules choose widths of gradients so that their sums fit (converter.ir.bounds). This pass does
not believe them: for each operator it works out the largest magnitude that its integers can
reach, whatever the sample, the weights after training and the gradients are, and compares that
with what they hold. docs/bounds.md lists the bounds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from converter.errors import NoGradientError
from converter.ir.training_ops import (
    BiasUpdate,
    ConvFilterUpdate,
    GradientMask,
    GradientSlice,
    MeanGrad,
    MeanSquaredError,
)
from converter.model.graph import Operator, Tensor
from converter.proof.facts import RECORDS, Facts, unpack
from converter.proof.table import BYTES, LARGEST_DIFFERENCE, Bound, bounds_of

_COPIES = (MeanGrad, GradientSlice, GradientMask)


def prove(forward: Iterable[Operator], backward: list[Operator]) -> None:
    """Raises NoGradientError with the first integer that could overflow.

    forward: the model's operators, lowered, constants not yet replaced by variables; backward: in
    order of execution.
    """
    updates: dict[int, list[Operator]] = {}
    for op in backward:
        record = RECORDS[op.name]
        if issubclass(record, (ConvFilterUpdate, BiasUpdate)):
            parameter = op.inputs[2 if record is BiasUpdate else 3]
            updates.setdefault(id(parameter), []).append(op)
    for op in forward:
        if op.is_custom and op.name in RECORDS:
            own = [u for t in op.inputs[1:3] if t is not None for u in updates.get(id(t), ())]
            check_bounds(Facts(op, unpack(op), updates=tuple(own)))
    mantissas: dict[int, int] = {}
    for op in backward:
        read = tuple(mantissas[id(t)] for t in op.inputs if id(t) in mantissas)
        facts = Facts(op, unpack(op), read)
        check_bounds(facts)
        written = _written(facts)
        mantissas.update({id(t): written for t in op.outputs if _is_gradient(t)})


def prove_sizes(operators: Iterable[Operator]) -> None:
    """The same for the sizes of tensors alone, of all training operators of a finished graph:
    APPLY_UPDATES, INITIALIZE_VARIABLES and their variables come after `prove`, and hold no other
    integer that depends on the model."""
    for op in operators:
        if op.is_custom and op.name in RECORDS:
            _check(Facts(op, unpack(op)), BYTES)


def check_bounds(facts: Facts) -> None:
    """Raises NoGradientError if an integer of the operator could overflow."""
    for bound in bounds_of(RECORDS[facts.operator.name]):
        _check(facts, bound)


def _check(facts: Facts, bound: Bound) -> None:
    worst = bound.worst(facts)
    if worst > bound.limit:
        raise NoGradientError(
            f"{facts.operator.name} of {_subject(facts.operator)}: {bound.name} could reach "
            f"{worst}, more than {bound.limit}; freeze the layer"
        )


def _is_gradient(tensor: Tensor) -> bool:
    return tensor.dtype in (np.int8, np.int16)


def _written(facts: Facts) -> int:
    """The largest |m| of the gradient that an operator writes."""
    if isinstance(facts.options, _COPIES):
        return facts.mantissa
    types = [t.dtype.itemsize for t in facts.operator.outputs if _is_gradient(t)]
    most = (1 << 8 * types[0] - 1) - 1 if types else 0
    if isinstance(facts.options, MeanSquaredError):
        return min(most, LARGEST_DIFFERENCE)
    return min(most, (1 << getattr(facts.options, "gradient_bits", 0)) - 1)


def _subject(operator: Operator) -> str:
    tensors = [*operator.outputs, *operator.inputs]
    return str(next(t for t in tensors if t is not None))
