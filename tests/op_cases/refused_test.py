"""Every constraint in SUPPORTED_OPS.md is what a user reads who breaks it, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import converter
from converter.errors import ConverterError
from converter.report.supported_ops import supported_ops
from converter.rules import RULES, rule_of
from tests.op_cases.refused import REFUSED, Refused
from tests.op_cases.refused_values import CHANGES, OPERATORS, changed_model

_PAGE = Path(__file__).resolve().parents[2] / "SUPPORTED_OPS.md"


def test_page_is_up_to_date() -> None:
    assert _PAGE.read_text() == supported_ops()


_EVERY_OPERATOR = "Every operator"


def _on_the_page() -> set[tuple[str, str]]:
    """(first operator of a section, constraint)."""
    found, section = set(), ""
    for line in _PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:].split(",")[0]
        elif match := re.fullmatch(r"- `(.+)`", line):
            found.add((section, match[1]))
    return found


def test_every_constraint_of_the_page_has_a_model_that_breaks_it() -> None:
    rules = [rule_of(case.operator) for case in REFUSED]
    broken = [
        (rule.operators[0], case.says) for rule, case in zip(rules, REFUSED, strict=True) if rule
    ]
    assert len(set(broken)) == len(broken) == len(REFUSED)
    assert set(broken) == {row for row in _on_the_page() if row[0] != _EVERY_OPERATOR}
    assert sum(len(rule.constraints) for rule in RULES) == len(broken)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.operator}: {case.says[:50]}")
def test_the_user_reads_the_constraint(case: Refused) -> None:
    _expect(case.model(), case.operator, case.says)


def _expect(model: bytes, operator: str, says: str) -> None:
    with pytest.raises(ConverterError) as caught:
        converter.convert(model, update="all")
    gaps = ".+".join(map(re.escape, says.split("...")))
    pattern = rf"model: {operator} '\S+' \(.*\) cannot be trained( through)?: {gaps}(; .*)?"
    assert re.fullmatch(pattern, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_works_on_int8_with_a_positive_scale(operator: str, change: str) -> None:
    assert {rule_of(name) for name in OPERATORS} == set(RULES)
    every = {says for section, says in _on_the_page() if section == _EVERY_OPERATOR}
    assert {says for says, _ in CHANGES.values()} == every
    says, spoil = CHANGES[change]
    places = OPERATORS[operator].values
    for place in range(places):
        _expect(changed_model(operator, place, spoil), operator, says)
