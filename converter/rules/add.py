"""ADD: y = a + b on real values, so dL/da = dL/db = dL/dy: no operator is needed.

An operand of another shape is broadcast; it may only be a constant, since its gradient
would be a sum over the broadcast axes.
"""

from __future__ import annotations

from converter.ir.backward import Backward, Gradient
from converter.model.graph import Operator
from converter.rules.rule import BaseRule, LayerUpdate, Limits, Wanted


class AddRule(BaseRule):
    operators = ("ADD",)

    def check(self, operator: Operator) -> str | None:
        for tensor in operator.inputs:
            assert tensor is not None
            if not tensor.is_constant and tensor.elements != operator.output.elements:
                return f"input {tensor} is broadcast; only constants may be, make the shapes equal"
        return None

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        return min(limits.gradient_bits(t) for t in operator.inputs if t is not None)

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        return gradient.as_unmasked()
