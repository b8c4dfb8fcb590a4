"""The gradient rules, in one explicit list. A new operator is one more line here."""

from __future__ import annotations

from converter.model.graph import Operator
from converter.rules.activation import ActivationRule
from converter.rules.add import AddRule
from converter.rules.constraint import NO_RULE
from converter.rules.conv_2d import Conv2DRule
from converter.rules.depthwise_conv_2d import DepthwiseConv2DRule
from converter.rules.mean import MeanRule
from converter.rules.mul import MulRule
from converter.rules.pool_2d import Pool2DRule
from converter.rules.quantised import not_int8
from converter.rules.relu import ReluRule
from converter.rules.rule import LayerUpdate, Rule
from converter.rules.shapes import misfit
from converter.rules.slice import SliceRule
from converter.rules.transpose_conv import TransposeConvRule
from converter.rules.view import ViewRule

RULES: tuple[Rule, ...] = (
    Conv2DRule(),
    DepthwiseConv2DRule(),
    TransposeConvRule(),
    AddRule(),
    MulRule(),
    Pool2DRule(),
    MeanRule(),
    SliceRule(),
    ReluRule(),
    ActivationRule(),
    ViewRule(),
)

_BY_OPERATOR = {name: rule for rule in RULES for name in rule.operators}


def rule_of(name: str) -> Rule | None:
    """The rule of an operator, or None if it has none."""
    return _BY_OPERATOR.get(name)


def refusal(operator: Operator) -> str | None:
    """Why gradients cannot pass through an operator, or None if they can."""
    rule = None if operator.is_custom else rule_of(operator.name)
    if rule is None:
        return NO_RULE.broken()
    return misfit(operator) or not_int8(operator, rule.int8_inputs) or rule.check(operator)


__all__ = ["RULES", "LayerUpdate", "Rule", "refusal", "rule_of"]
