"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same values in another shape.

The gradient of the input is the gradient of the output, mask included; the training
operators take geometry from their options, so not even a view is needed.
"""

from __future__ import annotations

from converter.ir.backward import Backward, Gradient
from converter.model.graph import Operator
from converter.rules.rule import OneMapRule, Wanted


class ViewRule(OneMapRule):
    operators = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")

    def passes_values(self, operator: Operator) -> bool:
        return True

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        return gradient
