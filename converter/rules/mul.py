"""MUL: y = a * b, so dL/da = dL/dy * b and dL/db = dL/dy * a (GRADIENT_MUL).

The gradient of an operand that is broadcast, such as the gate of squeeze-and-excite, is the sum
over the broadcast axes. Both operands are kept for the backward pass unless they are constant; a
constant of one value only changes the scale.
"""

from __future__ import annotations

from converter.ir.backward import Backward, Gradient
from converter.ir.bounds import MAX_OPERAND, broadcast_bits
from converter.model.graph import Operator
from converter.rules.broadcast import (
    CONSTRAINTS,
    check_operands,
    emit_gradient_mul,
    operands,
    summed_terms,
)
from converter.rules.constraint import Refusal
from converter.rules.rule import BaseRule, LayerUpdate, Limits, Wanted


class MulRule(BaseRule):
    operators = ("MUL",)
    constraints = CONSTRAINTS
    int8_inputs = (0, 1)

    def check(self, operator: Operator) -> Refusal | None:
        return check_operands(operator)

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        terms = summed_terms(operator)
        if terms == 1:
            return super().output_gradient_bits(operator, update, limits)
        return broadcast_bits(terms, MAX_OPERAND)

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        other = operands(operator)[1 - index]
        if other.data is not None and other.elements == 1:
            real = other.scale * (int(other.data.reshape(-1)[0]) - other.zero_point)
            sign = -1 if real < 0 else 1
            return emit_gradient_mul(
                operator, index, sign, gradient, wanted, backward, scale=abs(real)
            )
        return emit_gradient_mul(operator, index, other, gradient, wanted, backward)
