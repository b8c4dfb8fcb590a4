"""The table of bounds in docs/bounds.md is that of the converter."""

from __future__ import annotations

from pathlib import Path

from converter.ir.training_ops import TRAINING_OPS
from converter.proof import BOUNDS, Bound

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "bounds.md"
_GROUPS = {
    "forward": ("TRAINING_CONV_2D", "TRAINING_DEPTHWISE_CONV_2D"),
    "input gradients": (
        "CONV_2D_INPUT_GRAD",
        "DEPTHWISE_CONV_2D_INPUT_GRAD",
        "TRANSPOSE_CONV_INPUT_GRAD",
    ),
    "filter updates": (
        "CONV_2D_FILTER_UPDATE",
        "DEPTHWISE_CONV_2D_FILTER_UPDATE",
        "TRANSPOSE_CONV_FILTER_UPDATE",
    ),
    "poolings": ("AVERAGE_POOL_2D_GRAD", "MAX_POOL_2D_GRAD"),
    "all": tuple(op.CUSTOM_CODE for op in TRAINING_OPS),
}


def _number(text: str) -> int:
    """Sums of powers of two and numbers."""
    total, sign = 0, 1
    for word in text.split():
        if word == "-":
            sign = -1
        else:
            base, _, exponent = word.partition("^")
            total += sign * int(base) ** int(exponent or 1)
    return total


def _rows() -> list[tuple[frozenset[str], str, str, int]]:
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in line.replace("\\|", "\0").strip("|").split("|")]
        operators, name, formula, limit = (cell.replace("\0", "\\|") for cell in cells[:4])
        codes = {code for word in operators.split(", ") for code in _GROUPS.get(word, (word,))}
        rows.append((frozenset(codes), name, formula, _number(limit)))
    return rows


def _row(bound: Bound) -> tuple[frozenset[str], str, str, int]:
    codes = frozenset(op.CUSTOM_CODE for op in bound.operators)
    return codes, bound.name, bound.formula, bound.limit


def test_every_bound_is_documented_as_it_is() -> None:
    assert _rows() == [_row(bound) for bound in BOUNDS]
