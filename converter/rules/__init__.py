"""The gradient rules, in one explicit list. A new operator is one more line here."""

from __future__ import annotations

from converter.rules.activation import ActivationRule
from converter.rules.add import AddRule
from converter.rules.conv_2d import Conv2DRule
from converter.rules.depthwise_conv_2d import DepthwiseConv2DRule
from converter.rules.mean import MeanRule
from converter.rules.mul import MulRule
from converter.rules.pool_2d import Pool2DRule
from converter.rules.relu import ReluRule
from converter.rules.rule import LayerUpdate, Rule
from converter.rules.slice import SliceRule
from converter.rules.view import ViewRule

RULES: tuple[Rule, ...] = (
    Conv2DRule(),
    DepthwiseConv2DRule(),
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


__all__ = ["RULES", "LayerUpdate", "Rule", "rule_of"]
