"""The cells of the table of models and budgets."""

from __future__ import annotations

import pytest

from benchmarks.what_fits import cell
from converter.conversion import convert
from converter.errors import ConverterError
from examples.digits.demo import MODEL


def test_counts_what_is_trained() -> None:
    model = MODEL.read_bytes()
    assert cell(model, "digits", 32 * 1024) == "8 filters, 8 biases, 100 %"
    assert cell(model, "digits", 4 * 1024) == "0 filters, 1 bias, 0 %"


def test_says_what_is_needed_at_least() -> None:
    model = MODEL.read_bytes()
    assert cell(model, "digits", 2 * 1024) == "needs 4k"
    assert convert(model, 4 * 1024).arena.smallest_arena > 3 * 1024


def test_other_errors_are_no_cells() -> None:
    with pytest.raises(ConverterError, match="not a TFLite flatbuffer"):
        cell(b"nonsense", "x", 1024)
