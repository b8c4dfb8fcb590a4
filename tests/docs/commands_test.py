"""Every command line and every Python block that the pages show."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter.cli import parse_bytes
from converter.conversion import convert
from examples.digits.data import handwritten_digits
from examples.digits.demo import BUDGET, MODEL, commands
from tests.docs.pages import PAGE_NAMES, PAGES, README, ROOT, blocks
from tests.linking.tflm import includes
from tflm_training import Trainer

_COMMAND = re.compile(r"python -m [^`|#\n]+")
_SUBCOMMANDS = ("tflm_training",)
_PREFIXES = ("converter", "tflm_training", "benchmarks", "examples", "tests")


def _commands(page: Path) -> list[list[str]]:
    """The arguments after `python -m` of each command line of this project."""
    lines = (shlex.split(found.rstrip(" .,;:)")) for found in _COMMAND.findall(_prose(page)))
    return [line[2:] for line in lines if line[2].split(".")[0] in _PREFIXES]


def _prose(page: Path) -> str:
    """The page without apostrophes that are no quotes."""
    return re.sub(r"(?<=\w)'(?=\w)", "", page.read_text())


@functools.cache
def _help(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, "--help"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


_ALL = sorted({tuple(line) for page in PAGES for line in _commands(page)})


@pytest.mark.parametrize("line", _ALL, ids=map(" ".join, _ALL))
def test_command_line_names_options_that_exist(line: tuple[str, ...]) -> None:
    options = [argument.partition("=")[0] for argument in line if argument.startswith("--")]
    if line[0] == "converter.report.supported_ops":
        assert not options  # it takes none, not even --help
        return
    subcommand = line[1:2] if line[0] in _SUBCOMMANDS else ()
    described = set(re.findall(r"--\w+", _help(line[0], *subcommand)))
    assert set(options) <= described


def test_every_page_with_commands_was_read() -> None:
    assert len(_ALL) >= 15
    assert {page for page in PAGE_NAMES if _commands(ROOT / page)} >= {
        "README.md",
        "docs/using_the_converter.md",
        "docs/troubleshooting.md",
    }


def test_option_table_is_complete() -> None:
    page = (ROOT / "docs" / "using_the_converter.md").read_text()
    table = [line for line in page.splitlines() if line.startswith("| `--")]
    named = set(re.findall(r"--\w+", " ".join(line.split("|")[1] for line in table)))
    assert named == set(re.findall(r"--\w+", _help("converter"))) - {"--help"}


def test_the_demo_prints_what_readme_shows(tmp_path: Path) -> None:
    section = README.read_text().partition("## The demo")[2].partition("## Your model")[0]
    shown = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    for arguments in commands(Path("build") / "digits")[1:]:
        assert f"$ python {shlex.join(map(_relative, arguments))}" in shown
    printed: list[str] = []
    for arguments in commands(tmp_path):
        command = [sys.executable, *arguments]
        run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        printed += run.stdout.splitlines()
    figures = [
        line for line in shown if line.startswith(("arena", "flash", "before", "epoch", "after"))
    ]
    assert len(figures) == 6 and set(figures) <= set(printed)


def _relative(argument: str) -> str:
    path = Path(argument)
    return str(path.relative_to(ROOT)) if path.is_absolute() else argument


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the names of the pages exist, as the working directory."""
    (tmp_path / "model.tflite").write_bytes(MODEL.read_bytes())
    digits = {name: values[:60] for name, values in handwritten_digits().items()}
    np.savez(tmp_path / "my.npz", **digits)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True, text=True)


def test_readme_python_runs(folder: Path) -> None:
    namespace: dict[str, object] = dict(np.load("my.npz"))
    sources = [block.text for block in blocks(README) if block.language == "python"]
    assert sources
    for source in sources:
        exec(compile(source, "README.md", "exec"), namespace)


def test_your_model_runs_as_written(folder: Path) -> None:
    section = README.read_text().partition("## Your model")[2].partition("## Your firmware")[0]
    lines = [line for line in section.splitlines() if line.startswith("    python -m")]
    assert len(lines) == 3
    for line in lines:
        _run(shlex.split(line, comments=True)[2:])
    assert (folder / "model_updated.tflite").exists()


def test_checkpoint_commands_run_as_written(folder: Path) -> None:
    _run(["converter", "model.tflite", "--budget", "14k"])
    page = (ROOT / "docs" / "using_the_converter.md").read_text()
    section = page.partition("## Save, restore, merge")[2]
    lines = [line for line in section.splitlines() if line.startswith("    python -m")]
    assert len(lines) == 5
    for line in lines:
        arguments = shlex.split(line, comments=True)[2:]
        # One epoch in place of ten, and one more when it goes on.
        epochs = ["--epochs", "2" if "--resume" in arguments else "1"]
        _run(arguments + (epochs if arguments[1] == "train" else []))


def test_scheme_file_of_the_page_converts(folder: Path) -> None:
    page = (ROOT / "docs" / "using_the_converter.md").read_text()
    text = page[page.index('    {"layers"') :].partition("\n\n")[0]
    scheme = json.loads(text)
    (folder / "s.json").write_text(json.dumps(scheme))
    converted = convert(MODEL.read_bytes(), update=str(folder / "s.json"))
    assert len(converted.training.scheme) == len(scheme["layers"])


def test_flatbuffer_reader_of_the_page_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted = convert(MODEL.read_bytes(), 14 * 1024)
    (folder / "model_train.tflite").write_bytes(converted.flatbuffer)
    (source,) = [
        b.text for b in blocks(ROOT / "docs" / "flatbuffer_format.md") if b.language == "python"
    ]
    exec(compile(source, "flatbuffer_format.md", "exec"), {})
    out = capsys.readouterr().out
    assert "'loss': 'softmax_cross_entropy'" in out
    assert "variable random_state [1]" in out
    assert "INITIALIZE_VARIABLES version 1 words 1" in out


def test_readme_firmware_compiles(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(README) if block.language == "cpp"]
    lines = block.text.splitlines()
    source = [line for line in lines if line.startswith("#include")]
    source += ["alignas(16) uint8_t arena[1];", "unsigned char model_train[1];"]
    source += ["const TfLiteTensor* Step(const int8_t* sample, int32_t label) {", "float loss = 0;"]
    source += [line for line in lines if not line.startswith("#include")]
    source += ["return output;", "}"]
    path = tmp_path / "firmware.cc"
    path.write_text("\n".join(source))
    flags = ["-std=c++17", "-fsyntax-only", "-Dtflite=tflite_micro", f"-I{ROOT}"]
    flags += [f"-I{folder}" for folder in includes()]
    compiled = subprocess.run(
        ["g++", *flags, str(path)], check=False, capture_output=True, text=True
    )
    assert compiled.returncode == 0, compiled.stderr


def test_learning_rates_of_the_page_do_what_it_says(folder: Path) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    rows = re.findall(r"^\| (?:`--learning_rate`|accuracy before, after) \|(.*)\|$", page, re.M)
    rates, accuracies = ([cell.strip() for cell in row.split("|")] for row in rows)
    trained = convert(MODEL.read_bytes(), parse_bytes(BUDGET)).flatbuffer
    data = {name: values[:300] for name, values in handwritten_digits().items()}
    for rate, shown in zip(rates, accuracies, strict=True):
        trainer = Trainer(trained)
        found = [trainer.evaluate(data["x_test"], data["y_test"])["accuracy"]]
        trainer.fit(data["x_train"], data["y_train"], epochs=3, learning_rate=float(rate))
        found.append(trainer.evaluate(data["x_test"], data["y_test"])["accuracy"])
        assert ", ".join(f"{100 * value:.1f} %" for value in found) == shown
