"""The CMake target, in a project of its own around TFLM's host library."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.linking.tflm import APP, ROOT, firmware_sources, includes, op_count
from tflm_training._library import library_path

_PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(consumer CXX)
add_library(tflm INTERFACE)
target_include_directories(tflm SYSTEM INTERFACE {includes})
target_compile_definitions(tflm INTERFACE tflite=tflite_micro)
target_link_libraries(tflm INTERFACE {library})
# Half of the time that all this takes.
target_precompile_headers(tflm INTERFACE <tensorflow/lite/micro/micro_mutable_op_resolver.h>)
set(TFLM_TRAINING_TFLM_TARGET {target})
add_subdirectory({root} tflm_training)
add_executable(app {app})
target_link_libraries(app PRIVATE tflm_training)
get_target_property(sources tflm_training SOURCES)
file(WRITE ${{CMAKE_BINARY_DIR}}/sources.txt "${{sources}}")
"""

# A consumer whose own rules are strict.
FLAGS = "-O0 -Wall -Wextra -Wconversion -Werror"


def _configure(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    text = _PROJECT.format(
        includes=" ".join(map(str, includes())),
        library=library_path(),
        target=target,
        root=ROOT,
        app=APP,
    )
    (folder / "CMakeLists.txt").write_text(text)
    return _cmake("-S", str(folder), "-B", str(folder / "build"), f"-DCMAKE_CXX_FLAGS={FLAGS}")


def _cmake(*arguments: str) -> subprocess.CompletedProcess[str]:
    cmake = shutil.which("cmake")
    assert cmake is not None, "cmake is missing: make setup"
    return subprocess.run([cmake, *arguments], capture_output=True, text=True, check=False)


def test_a_consumer_builds_and_runs() -> None:
    folder = ROOT / "build" / "linking"  # kept, so that only changes are built again
    folder.mkdir(parents=True, exist_ok=True)
    configured = _configure(folder, "tflm")
    assert configured.returncode == 0, configured.stderr
    sources = (folder / "build" / "sources.txt").read_text().split(";")
    assert {os.path.relpath(source, ROOT) for source in sources} == firmware_sources()
    jobs = str(os.cpu_count() or 1)
    built = _cmake("--build", str(folder / "build"), "--parallel", jobs)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    app = subprocess.run([folder / "build" / "app"], capture_output=True, text=True, check=True)
    assert app.stdout.split() == [str(op_count())]


@pytest.mark.parametrize("target", ["", "no_such_target"])
def test_without_tflm_it_says_what_is_missing(tmp_path: Path, target: str) -> None:
    configured = _configure(tmp_path, target)
    assert configured.returncode != 0
    assert "TFLM_TRAINING_TFLM_TARGET" in configured.stderr
