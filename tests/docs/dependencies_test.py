"""docs/dependencies.md and NOTICE list what the project uses, as the files that install it do."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

_PAGE = (ROOT / "docs" / "dependencies.md").read_text()
_REQUIREMENT = re.compile(r'"([A-Za-z0-9_.-]+)(?:[=<>]+[0-9.]+)?"')


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _table(heading: str) -> dict[str, list[str]]:
    """Normalised name -> the other cells, of the table under a heading."""
    section = _PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    table = {_normalised(row[0]): row[1:] for row in cells}
    assert len(table) == len(cells) > 0, heading
    return table


def _pins() -> dict[str, str]:
    text = (ROOT / "constraints.txt").read_text()
    return {_normalised(n): v for n, v in re.findall(r"^([^#\s=]+)==(\S+)$", text, re.M)}


def _required() -> set[str]:
    """Every package that pyproject.toml names. Python 3.10 has no reader of TOML."""
    text = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"^(?:requires|dependencies|test|demo|lint) = \[(.*?)\]", text, re.M | re.S)
    assert len(lists) == 5
    return {_normalised(name) for part in lists for name in _REQUIREMENT.findall(part)}


def test_packages_named_by_the_project() -> None:
    table, pins = _table("Python packages named by the project"), _pins()
    assert set(table) == _required()
    for name, (version, *_) in table.items():
        assert version == pins.get(name, "77 or newer"), name
    assert set(table) - set(pins) == {"setuptools"}


def test_every_pinned_version_is_listed_once() -> None:
    direct = _table("Python packages named by the project")
    others = _table("Packages that those bring along")
    assert not set(direct) & set(others)
    assert {name: row[0] for name, row in others.items()} == {
        name: version for name, version in _pins().items() if name not in direct
    }


def test_no_cell_is_empty() -> None:
    for heading in re.findall(r"^## (.*)$", _PAGE, re.M)[:4]:
        assert all(cell for row in _table(heading).values() for cell in row)


@pytest.mark.parametrize("family", ["MIT", "Apache", "BSD", "MPL"])
def test_licences_are_those_of_the_packages(family: str) -> None:
    """What an installed package says of itself; few leave it open."""
    seen = 0
    tables = (
        (_table("Python packages named by the project"), 1),
        (_table("Packages that those bring along"), 1),
    )
    for table, column in tables:
        for name, row in table.items():
            try:
                metadata = importlib.metadata.metadata(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # of another extra
            said = metadata.get("License-Expression") or " ".join(
                c for c in metadata.get_all("Classifier") or [] if c.startswith("License")
            )
            if family in row[column] and said and "Proprietary" not in said:
                assert family in said or family == "MPL" and "Mozilla" in said, name
                seen += 1
    assert seen > 0


def test_debian_packages() -> None:
    script = (ROOT / "tools" / "setup.sh").read_text()
    body = script.partition("missing_packages() {")[2].partition("\n}\n")[0]
    echoed = re.findall(r"echo (\S+)$", body, re.M)
    assert set(_table("Debian packages")) == {_normalised(name) for name in echoed}


def test_bazel_downloads_nothing() -> None:
    files = [ROOT / "WORKSPACE", *(ROOT / "bazel").glob("*.bzl")]
    text = "\n".join(path.read_text() for path in files)
    assert "http_archive" not in text and ".download(" not in text and "git_repository" not in text
    for stub in re.findall(r'^    "(\w+)": \{$', text, re.M):
        assert stub in _PAGE, stub


def test_notice_names_what_firmware_is_linked_with() -> None:
    notice = Path(ROOT / "NOTICE").read_text()
    section = _PAGE.partition("## Linked into firmware")[2].partition("\n## ")[0]
    names = re.findall(r"^\| ([^|]+?) \| Apache-2.0 \|", section, re.M)
    assert len(names) == 5 and all(name in notice for name in names)


def test_python_versions() -> None:
    (supported,) = re.findall(
        r'^requires-python = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M
    )
    assert supported == ">=3.10,<3.13" and "3.10, 3.11 and 3.12 (`requires-python`" in _PAGE
