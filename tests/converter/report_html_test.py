"""--report: the conversion as a page."""

from __future__ import annotations

import dataclasses
import functools
import html.parser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import converter
from converter.cli import main
from converter.conversion import TrainingModel
from converter.model import read_model, write_model
from converter.report.memory_map import build_memory_map
from converter.report.plan import layer_plans
from converter.search.trials import Trial
from tests.zoo.int8 import zoo_model

ROOT = Path(__file__).resolve().parents[2]
_HOSTILE = '--></title></style><script src="http://evil.example/x">$\\frac$&copy"\'{{ 7 * 7 }}'
_VOID = {"meta", "wbr"}
_REFERENCES = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}


class _Page(html.parser.HTMLParser):
    """Parses a page; `faults` lists tags that do not match and references to elsewhere."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.faults: list[str] = []
        self.rows: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._region = ""
        self.feed(page.decode())
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._see(tag, attributes)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._see(tag, attributes)
        if "svg" not in self._open:
            self.faults.append(f"<{tag}/> outside a picture")

    def _see(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = {name: value or "" for name, value in attributes}
        if len(values) != len(attributes):
            self.faults.append(f"<{tag}> has an attribute twice")
        for name, value in values.items():
            self._look_for_references(name, value)
        if "id" in values:
            self.ids.append(values["id"])
        self.labels |= set(values.get("aria-labelledby", "").split())
        if values.get("role") == "region":
            self._region = values["aria-label"]
            self.rows[self._region] = []
        elif tag == "tr":
            self.rows[self._region].append([])
        elif tag in ("td", "th"):
            self.rows[self._region][-1].append("")

    def _look_for_references(self, name: str, value: str) -> None:
        if name in _REFERENCES and not value.startswith("#"):
            self.faults.append(f"{name}={value}")
        if name == "style" or name == "clip-path":
            self.faults += [u for u in re.findall(r"url\((.*?)\)", value) if not u.startswith("#")]
        if name.startswith("on"):
            self.faults.append(f"{name} is a script")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style" and re.search(r"url\(|@import", data):
            self.faults.append("a style sheet that loads something")
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[self._region][-1][-1] += data


def _renamed(name: str) -> bytes:
    """The model with a hostile name for every tensor."""
    model = read_model(zoo_model(name), name)
    for index, tensor in enumerate(model.graph.tensors()):
        tensor.name = f"{_HOSTILE}{index}"
    return write_model(model)


@functools.cache
def _converted(update: str = "last:2") -> TrainingModel:
    return converter.convert(zoo_model("residual"), 65536, update, name="net.tflite")


@functools.cache
def _hostile() -> TrainingModel:
    return converter.convert(_renamed("residual"), update="all", name=f"{_HOSTILE}.tflite")


def _page(converted: TrainingModel) -> _Page:
    return _Page(converter.html_report(converted))


@pytest.mark.parametrize("converted", [_converted, _hostile])
def test_is_well_formed_and_needs_nothing_else(converted: functools.partial[TrainingModel]) -> None:
    page = _page(converted())
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert page.labels <= set(page.ids)
    assert "svg" in page.tags
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "image"}


def test_no_address_of_elsewhere_in_the_page() -> None:
    assert b"://" not in converter.html_report(_converted())


def test_names_are_escaped() -> None:
    page = converter.html_report(_hostile()).decode()
    assert "<script" not in page and "&lt;script src=" in page
    rows = _page(_hostile()).rows["What is trained, layer by layer"]
    names = [row[1] for row in rows[1:-1]]
    assert names == [plan.layer.name for plan in layer_plans(_hostile())]
    assert all(name.startswith(_HOSTILE) for name in names)


@pytest.mark.parametrize("update", ["last:2", "bias:3", "auto"])
def test_the_table_is_the_plan(update: str) -> None:
    converted = _converted(update)
    plans = layer_plans(converted)
    heading, *rows, total = _page(converted).rows["What is trained, layer by layer"]
    assert len(rows) == len(plans)
    for row, plan in zip(rows, plans, strict=True):
        cells = dict(zip(heading, row, strict=True))
        assert cells["Layer"] == plan.layer.name
        assert cells["Output"] == "×".join(map(str, plan.layer.shape))
        assert (cells["Weights"] == "frozen") == (plan.update is None)
        assert (cells["Bias"] == "yes") == (plan.update is not None and plan.update.bias)
        assert cells["Saved, bytes"] == (f"{plan.saved_bytes:,}" if plan.saved_bytes else "")
        assert cells["Backward MACs"] == (f"{plan.macs_backward:,}" if plan.macs_backward else "")
        assert cells.get("Why") == converted.why.get(plan.layer.index)
    assert f"{sum(plan.layer.macs for plan in plans):,}" in total
    assert any(plan.update for plan in plans)


def test_the_peak_and_the_arena_in_figures() -> None:
    converted = _converted("all")
    found = build_memory_map(converted)
    rows = _page(converted).rows
    at_peak = rows["What the head holds at the peak"][1:]
    alive = [block for block in found.blocks if block.is_alive(found.peak)]
    assert sorted(row[2] for row in at_peak) == sorted(f"{block.size:,}" for block in alive)
    scales = [block for block in alive if block.name.endswith("_scale")]
    assert scales and len(scales) == sum(row[0].endswith(" (scale)") for row in at_peak)
    parts = [int(row[1].replace(",", "")) for row in rows["Parts of the arena"][1:]]
    assert sum(parts[:-1]) == parts[-1] == converted.arena.total


@pytest.mark.parametrize(
    ("is_regression", "metrics", "shown"),
    [(False, (0.5, 0.875), ["87.5", "50.0"]), (True, (0.5, 0.25), ["0.25", "0.5"])],
)
def test_trials_by_merit(is_regression: bool, metrics: tuple[float, ...], shown: list[str]) -> None:
    origins = ("structure", "last layers")
    trials = tuple(
        Trial(origin, 0.005, metric, is_regression)
        for origin, metric in zip(origins, metrics, strict=True)
    )
    rows = _page(dataclasses.replace(_converted(), trials=trials)).rows["Trial trainings"][1:]
    assert [row[0] for row in rows] == ["last layers", "structure"]
    assert [row[2] for row in rows] == shown
    assert [row[3] for row in rows] == ["chosen", ""]
    assert "Trial trainings" not in _page(_converted()).rows


def test_a_regressor_without_budget() -> None:
    converted = converter.convert(zoo_model("autoencoder"), update="last:1", loss="mse")
    page = converter.html_report(converted).decode()
    assert "none (regression)" in page and "<strong>none</strong>" in page
    assert "<code>MEAN_SQUARED_ERROR</code>" in page
    assert _Page(page.encode()).faults == []


def _command(model: Path, *arguments: object) -> list[str]:
    return [str(model), "--budget", "64k", "--update", "last:2", "--quiet", *map(str, arguments)]


def test_equal_conversions_give_equal_bytes(tmp_path: Path) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(zoo_model("residual"))
    pages = []
    for seed in ("1", "2"):
        target = tmp_path / seed / "page.html"
        command = _command(model, "--output", tmp_path / seed, "--report", target)
        subprocess.run(
            [sys.executable, "-m", "converter", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        pages.append(target.read_bytes())
    assert pages[0] == pages[1] == converter.html_report(_converted())


def test_option_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, page = tmp_path / "net.tflite", tmp_path / "page.html"
    model.write_bytes(zoo_model("residual"))
    page.write_text("mine")
    assert main(_command(model, "--report", page)) == 1
    assert "page.html: exists already; use --overwrite" in capsys.readouterr().err
    assert page.read_text() == "mine" and not (tmp_path / "net_train.tflite").exists()
    assert main(_command(model, "--report", page, "--overwrite")) == 0
    assert page.read_bytes() == converter.html_report(_converted())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "page.txt"), "--report page.txt: must end in .html"),
        (("--report", "page.html", "--sweep", "out"), "--report: not with --sweep"),
    ],
)
def test_refused_before_anything_is_written(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "net.tflite"
    model.write_bytes(zoo_model("residual"))
    assert main(_command(model, *arguments)) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("page", ["README.md", "docs/memory.md"])
def test_is_documented(page: str) -> None:
    assert "`--report report.html`" in (ROOT / page).read_text()
