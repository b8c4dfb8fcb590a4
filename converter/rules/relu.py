"""RELU, RELU6, RELU_N1_TO_1 and QUANTIZE: y = clamp(x), requantised.

dL/dx = dL/dy where y is not clamped. The gradient of y has been masked with y's own values
when it was written, so the input's gradient is that very tensor.
"""

from __future__ import annotations

from converter.ir.activation import ACTIVATION_OPERATORS
from converter.ir.backward import Backward, Gradient
from converter.model.graph import Operator
from converter.model.schema import schema
from converter.rules.rule import OneMapRule, Wanted


class ReluRule(OneMapRule):
    operators = (*ACTIVATION_OPERATORS, "QUANTIZE")

    def output_clamp(self, operator: Operator) -> int:
        return int(ACTIVATION_OPERATORS.get(operator.name, schema.ActivationFunctionType.NONE))

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        return gradient.as_unmasked()
