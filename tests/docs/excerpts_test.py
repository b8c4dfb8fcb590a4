"""What the pages quote is what the tree says."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from converter.ir.training_ops import TRAINING_OPS
from tests.docs.pages import PAGE_NAMES, ROOT, Block, blocks
from tflm_training._library import library_path

_TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
_EXCERPTS = [(name, block) for name in PAGE_NAMES for block in blocks(ROOT / name) if block.source]
_CC_LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
_CC_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_GAP = "..."


def _id(excerpt: tuple[str, Block]) -> str:
    return f"{excerpt[0]}:{excerpt[1].source}"


@pytest.mark.parametrize("excerpt", _EXCERPTS, ids=map(_id, _EXCERPTS))
def test_excerpt_is_in_its_file(excerpt: tuple[str, Block]) -> None:
    block = excerpt[1]
    assert block.text in (ROOT / block.source).read_text()


def test_writing_a_rule_quotes_each_of_its_steps() -> None:
    quoted = {block.source for name, block in _EXCERPTS if name == "docs/writing_a_rule.md"}
    assert len(quoted) >= 12


def _python_texts(path: Path) -> Iterator[str]:
    """String literals; the places of f-strings become gaps."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            values = (getattr(part, "value", None) for part in node.values)
            yield "".join(value if isinstance(value, str) else _GAP for value in values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _cc_texts(path: Path) -> Iterator[str]:
    """String literals, adjacent ones joined; the places of printf become gaps."""
    for literals in _CC_LITERALS.findall(path.read_text()):
        yield re.sub(r"%\w", _GAP, "".join(_CC_LITERAL.findall(literals)))


def _printed() -> list[str]:
    texts: list[str] = []
    for folder in ("converter", "tflm_training"):
        for path in (ROOT / folder).rglob("*.py"):
            texts += _python_texts(path)
    for folder in ("kernels", "tflm_training"):
        for path in (ROOT / folder).rglob("*.cc"):
            texts += _cc_texts(path)
    return texts


def _messages(language: str) -> list[str]:
    found = [block for block in blocks(_TROUBLESHOOTING) if block.language == language]
    return [line for block in found for line in block.text.splitlines()]


def _pattern(message: str) -> re.Pattern[str]:
    """The message's fixed parts in order."""
    parts = [re.escape(part) for part in message.split(_GAP) if part.strip()]
    return re.compile(".*".join(parts), re.DOTALL)


def test_quoted_messages_are_printed() -> None:
    texts = _printed()
    messages = _messages("text")
    assert len(messages) >= 30
    missing = [m for m in messages if not any(_pattern(m).search(text) for text in texts)]
    assert not missing


def test_messages_of_tflm_are_in_its_library() -> None:
    library = library_path().read_bytes()
    messages = _messages("tflm")
    assert len(messages) >= 5
    for message in messages:
        for part in message.split(_GAP):
            assert part.encode() in library, message


def test_record_table_is_that_of_the_operators() -> None:
    page = (ROOT / "docs" / "flatbuffer_format.md").read_text()
    rows = re.findall(r"^\| ([A-Z0-9_]+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert [(name, int(version), int(words)) for name, version, words in rows] == [
        (op.CUSTOM_CODE, op.VERSION, struct.calcsize(op._format()) // 4) for op in TRAINING_OPS
    ]
