"""Every C and C++ source of the project is compiled with these warnings as errors, by one of the
builds that the tests or the benchmarks make."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from examples.stm32f746.firmware import make
from tests.fuzz import operators as hostile_operators
from tests.linking import cmake_test
from tests.linking.tflm import APP, ROOT, firmware_sources
from tests.sanitizer import replay
from tools.cortex_m import build as cross

_BOARDS = ("stm32f746", "mps2-an500", "host")
_WARNINGS = {"-Wall", "-Wextra", "-Wconversion", "-Werror"}
# What needs CMSIS-NN, and so is built by a benchmark only.
_BENCHMARKS = cross.Replacement((), sorted(ROOT.glob("benchmarks/*/*.cc")), (), ())
# Writes its arguments to a file, and what the linker or compiler would have made.
_COMPILER = """#!/bin/sh
printf '%s\\n' "$*" >>{log}
while [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done
"""


def _tracked(*patterns: str) -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


def _strict(commands: Sequence[Sequence[str]]) -> set[str]:
    """The project's sources that the command lines compile with all warnings as errors."""
    found = set()
    for words in commands:
        if "-c" in words and set(words) >= _WARNINGS and "-w" not in words:
            source = ROOT / next(w for w in words if w.endswith((".cc", ".c")))
            found.add(os.path.relpath(source, ROOT))
    return found


def _of_bazel() -> set[str]:
    found = set()
    for name in _tracked("*/BUILD"):
        build = ROOT / name
        text = build.read_text()
        rules = len(re.findall(r"cc_(?:library|test)\($", text, re.M))
        headers_only = len(re.findall(r"cc_library\((?:(?!srcs)[^()])*\)", text))
        assert text.count("copts = COPTS") == rules - headers_only, build
        for path in build.parent.glob("*.cc"):
            if "training_kernel(" in text or re.search(rf'"{path.stem}(?:\.cc)?"', text):
                found.add(os.path.relpath(path, ROOT))
    rules = (ROOT / "bazel" / "kernel.bzl").read_text()
    assert set(re.findall(r'"(-W\w+)",', rules)) == _WARNINGS
    assert len(re.findall(r"cc_(?:library|test)\($", rules, re.M)) == rules.count("copts = COPTS,")
    return found


def _of_setup(folder: Path, **environment: str) -> set[str]:
    compiler, log = folder / "compiler", folder / "commands"
    compiler.write_text(_COMPILER.format(log=log))
    compiler.chmod(0o755)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--force"]
    command += [f"--build-temp={folder / 'temp'}", f"--build-lib={folder / 'lib'}"]
    variables = {k: v for k, v in os.environ.items() if k != "TFLM_TRAINING_WERROR"}
    variables |= {"CC": str(compiler), "CXX": str(compiler), **environment}
    subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)
    return _strict([line.split() for line in log.read_text().splitlines()])


def _of_firmware(folder: Path, board: str) -> set[str]:
    printed = make("--dry-run", f"BOARD={board}", "TFLM_DIR=", f"BUILD={folder / 'build'}")
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.replace("\\\n", " ").splitlines()
    compilations = [shlex.split(line) for line in lines if " -c " in line]
    return _strict([words for words in compilations if not words[-3].startswith(str(folder))])


def _of_builders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    commands: list[list[str]] = []

    def run(words: list[str]) -> None:
        commands.append(words)
        for option in {"-o", "-MF"} & set(words):
            Path(words[words.index(option) + 1]).write_text(f": {__file__}")

    for module in (cross, replay):
        monkeypatch.setattr(module, "BUILD", folder / module.__name__)
        monkeypatch.setattr(module, "_run", run)
    found = {}
    for name, build in {
        "core": lambda: cross.build(cross.CORES["cortex-m7"]),
        "benchmarks": lambda: cross.build(cross.CORES["cortex-m7"], replacement=_BENCHMARKS),
        "sanitizers": lambda: replay.build(dsp=True),
        "hostile operators": lambda: hostile_operators.build(dsp=True),
    }.items():
        commands.clear()
        build()
        found[name] = _strict(commands)
    return found


def test_every_source_is_compiled_with_warnings_as_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = {
        "bazel": _of_bazel(),
        "setup": _of_setup(tmp_path, TFLM_TRAINING_WERROR="1"),
        **{board: _of_firmware(tmp_path, board) for board in _BOARDS},
        **_of_builders(tmp_path, monkeypatch),
    }
    if set(cmake_test.FLAGS.split()) >= _WARNINGS:
        compiled["cmake"] = {os.path.relpath(APP, ROOT)}
    assert _tracked("*.cc", "*.c") - set().union(*compiled.values()) == set()
    # As the kernels' code for the DSP extension is, for Arm and emulated.
    both = set.intersection(*(compiled[build] for build in ("setup", "core", "sanitizers")))
    assert both == {name for name in firmware_sources() if name.startswith("kernels/")}


def test_users_builds_do_not_end_at_a_warning(tmp_path: Path) -> None:
    assert _of_setup(tmp_path) == set()
