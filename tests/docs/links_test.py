"""Every link inside the repository leads somewhere."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGE_NAMES, ROOT, without_blocks

_INLINE = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
_REFERENCE = re.compile(r"\[(\[\d+\])\]")
_DEFINITION = re.compile(r"^(\[\d+\]): (\S+)$", re.MULTILINE)


@pytest.mark.parametrize("name", [*PAGE_NAMES, "SUPPORTED_OPS.md"])
def test_relative_links_resolve(name: str) -> None:
    page = ROOT / name
    for target in _INLINE.findall(without_blocks(page)):
        if not target.startswith(("https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_sources_are_cited_by_address(name: str) -> None:
    text = without_blocks(ROOT / name)
    defined = dict(_DEFINITION.findall(text))
    assert set(_REFERENCE.findall(text)) == set(defined)
    assert all(address.startswith("https://") for address in defined.values())


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {
        target.partition("#")[0] for target in _INLINE.findall((ROOT / "README.md").read_text())
    }
    assert set(PAGE_NAMES) - {"README.md"} <= linked
