"""The generated page is the one in the repository."""

from __future__ import annotations

from pathlib import Path

from converter.report.supported_ops import supported_ops

PAGE = Path(__file__).resolve().parents[2] / "SUPPORTED_OPS.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == supported_ops()
