"""The replay program of tools/cortex_m for the host, under AddressSanitizer and
UndefinedBehaviorSanitizer; and other programs of the kernels, built alike.

It ends at the first signed overflow, shift out of range, misaligned access or index past an array
that any kernel comes to.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.cortex_m import build as cross
from tools.cortex_m.recording import RecordedOperator, pack

BUILD = cross.ROOT / "build" / "sanitizer"
_HERE = Path(__file__).resolve().parent
_ADDRESS = 0x60000000
_FLAGS = ["-std=c++17", "-O1", "-g1", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]
_SANITIZERS = "-fsanitize=address,undefined"
_FLAGS += [_SANITIZERS, "-fno-sanitize-recover=all", "-fno-sanitize=vptr"]
# What gcc warns of only in instrumented code: flatbuffers' tables without a size.
_FLAGS += [*cross.WARNINGS, "-Wno-stringop-overread"]
_FLAGS += [f"-DTFLM_TRAINING_RECORDING_ADDRESS=0x{_ADDRESS:x}u", f"-I{_HERE / 'headers'}", "-I."]
_KEPT = ("replay", "replay_context", "micro_log", "tflm_stand_in")


class UndefinedBehaviourError(Exception):
    """What the sanitizer says."""


# What a sanitized program needs of its environment.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


def build(dsp: bool) -> Path:
    """The replay program; see build_program."""
    tools = [cross.ROOT / "tools" / "cortex_m" / f"{name}.cc" for name in _KEPT]
    return build_program("replay", [*tools, _HERE / "host.cc"], dsp)


def build_program(name: str, own: Sequence[Path], dsp: bool) -> Path:
    """A program of the sources `own` and all kernels, with the DSP kernels and their instructions
    emulated or with the plain ones; compiled if it is older than a source of it."""
    folder = BUILD / ("dsp" if dsp else "plain")
    folder.mkdir(parents=True, exist_ok=True)
    flags = [*_FLAGS, *cross.tflm()[0]]
    if dsp:
        flags.append("-DTFLM_TRAINING_EMULATE_DSP")
    sources = [*cross.kernel_sources(), *own]

    def compiled(source: Path) -> Path:
        made = folder / source.relative_to(cross.ROOT).with_suffix(".o")
        listed = made.with_suffix(".d")
        if cross.is_newer(made, cross.dependencies(listed)):
            made.parent.mkdir(parents=True, exist_ok=True)
            _run([*flags, "-MMD", "-MF", str(listed), "-c", str(source), "-o", str(made)])
        return made

    with ThreadPoolExecutor(cross.jobs()) as pool:
        objects = list(pool.map(compiled, sources))
    program = folder / name
    if cross.is_newer(program, objects):
        _run([_SANITIZERS, *map(str, objects), "-o", str(program)])
    return program


def _run(arguments: list[str]) -> None:
    subprocess.run(["g++", *arguments], cwd=cross.ROOT, check=True)


def replay(program: Path, operators: Sequence[RecordedOperator]) -> list[str]:
    """Lines about what fails or differs. Raises UndefinedBehaviourError."""
    with tempfile.NamedTemporaryFile(suffix=".recording") as file:
        file.write(pack(operators))
        file.flush()
        environment = {**os.environ, **ENVIRONMENT, "TFLM_TRAINING_RECORDING": file.name}
        done = subprocess.run([program], env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        raise UndefinedBehaviourError(f"{lines[-1:]}\n{done.stderr[-8000:]}")
    assert sum(line.startswith("operator") for line in lines) == len(operators)
    return [line for line in lines if not line.startswith(("operator", "calibration"))]
