"""The documentation, taken apart."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(
    r"(?:^<!-- from (?P<source>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block. source: the file that it is an excerpt of, "" for none."""

    language: str
    source: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(match["language"], match["source"] or "", match["text"])
        for match in _FENCE.finditer(page.read_text())
    ]


def without_blocks(page: Path) -> str:
    """The page's text without its fenced and indented blocks."""
    text = _FENCE.sub("", page.read_text())
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))
