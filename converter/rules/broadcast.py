"""What the rules of ADD, SUB and MUL share: operands that are broadcast.

An operand that is broadcast over an axis has the sum over that axis as its gradient.
"""

from __future__ import annotations

import math
from itertools import groupby

from converter.ir.activation import SUPPORTED_ACTIVATIONS, mask_bounds
from converter.ir.backward import Backward, Gradient
from converter.ir.training_ops import GradientMul
from converter.model.graph import Operator, Tensor
from converter.rules.constraint import ACTIVATION, POSITIONS, Constraint, Refusal
from converter.rules.rule import Wanted

_DIMS = 4
_AXES = Constraint("inputs of ... are broadcast over too many axes; do it in two steps")
CONSTRAINTS = (ACTIVATION, _AXES, POSITIONS)
Folded = list[tuple[int, bool, bool]]
"""(size, reduced, repeated) per axis of the output, as GradientMul has them."""


def operands(operator: Operator) -> tuple[Tensor, Tensor]:
    a, b = operator.inputs
    assert a is not None and b is not None
    return a, b


def check_operands(operator: Operator) -> Refusal | None:
    """Why an operator on two tensors has no gradient, or None if it has one."""
    activation = int(operator.options.fusedActivationFunction)
    if activation not in SUPPORTED_ACTIVATIONS:
        return ACTIVATION.broken(activation)
    if any(len(_folded(operator, index, True)) > _DIMS for index in range(2)):
        return _AXES.broken(operator.output)
    return None


def summed_terms(operator: Operator) -> int:
    """The most elements of the output that one element of a variable operand goes into."""
    elements = [t.elements for t in operands(operator) if not t.is_constant]
    return operator.output.elements // min(elements, default=operator.output.elements)


def emit_gradient_mul(
    operator: Operator,
    index: int,
    factor: Tensor | int,
    gradient: Gradient,
    wanted: Wanted,
    backward: Backward,
    scale: float = 1.0,
) -> Gradient:
    """The gradient of inputs[index] is that of the output times `factor`, summed where the
    input is broadcast. factor: the other operand, or 1 or -1, which is then times `scale`."""
    other = factor if isinstance(factor, Tensor) else None
    folded = _folded(operator, index, other is not None)
    folded = [(1, False, False)] * (_DIMS - len(folded)) + folded
    fields = {
        f"{field}_{axis}": int(value)
        for axis, values in enumerate(folded)
        for field, value in zip(("dim", "reduced", "repeated"), values, strict=True)
    }
    masked_by = wanted.clamp.tensor if wanted.clamp else None
    minimum, maximum = mask_bounds(wanted.clamp)
    options = GradientMul(
        **fields,
        zero_point=factor.zero_point if isinstance(factor, Tensor) else -factor,
        gradient_bits=wanted.gradient_bits,
        mask_min=minimum,
        mask_max=maximum,
        scale_factor=scale if other is None else other.scale,
    )
    return backward.emit_gradient(
        options,
        [gradient.mantissa, gradient.scale, other, masked_by],
        wanted.tensor,
        suffix=f"_from_{operator.output.name}_{index}",
        masked=masked_by is not None,
    )


def _folded(operator: Operator, index: int, uses_other: bool) -> Folded:
    """The output's axes, neighbours that are alike merged, ones dropped."""
    shape = operator.output.shape
    pair = operands(operator)
    operand, other = (_aligned(pair[i], len(shape)) for i in (index, 1 - index))
    axes = [
        (size, own != size, uses_other and its != size)
        for size, own, its in zip(shape, operand, other, strict=True)
        if size != 1
    ]
    return [
        (math.prod(size for size, _, _ in group), *kind)
        for kind, group in groupby(axes, key=lambda axis: axis[1:])
    ]


def _aligned(tensor: Tensor, rank: int) -> tuple[int, ...]:
    """The shape as broadcasting sees it: filled up with ones on the left."""
    return (1,) * (rank - len(tensor.shape)) + tensor.shape
