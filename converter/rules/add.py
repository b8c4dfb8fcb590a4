"""ADD: y = a + b on real values, so dL/da = dL/db = dL/dy: no operator is needed. SUB:
y = a - b, so dL/db = -dL/dy (GRADIENT_MUL by -1).

The gradient of an operand that is broadcast is the sum over the broadcast axes.
"""

from __future__ import annotations

from converter.ir.backward import Backward, Gradient
from converter.ir.bounds import broadcast_bits
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


class AddRule(BaseRule):
    operators = ("ADD", "SUB")
    constraints = CONSTRAINTS
    int8_inputs = (0, 1)

    def check(self, operator: Operator) -> Refusal | None:
        return check_operands(operator)

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        whole = [t for t in operands(operator) if t.elements == operator.output.elements]
        bits = broadcast_bits(summed_terms(operator), largest_factor=1)
        return min([bits, *(limits.gradient_bits(t) for t in whole)])

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        sign = -1 if operator.name == "SUB" and index == 1 else 1
        if sign == 1 and wanted.tensor.elements == operator.output.elements:
            return gradient.as_unmasked()
        return emit_gradient_mul(operator, index, sign, gradient, wanted, backward)
