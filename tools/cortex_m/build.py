"""Builds the replay program with the kernels for an emulated Cortex-M.

    python -m tools.cortex_m.build --core cortex-m7 [--reference] [--opt=-O3]

prints the path of the program. It lies in build/cortex_m and is made of every kernel under
kernels/. TFLite Micro's headers come from the xmos-ai-tools package; if TFLM_DIR names a
source tree of TFLM, they and its own context functions come from there. GEMMLOWP_INCLUDE
names a gemmlowp tree other than Debian's. TFLM_TRAINING_BUILD_JOBS limits the number of
compilers that run at a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "cortex_m"
_SOURCES = "tools/cortex_m"
_COMPILER = "arm-none-eabi-g++"
_ERROR_TEXT = 4000  # characters of it that are shown

# TFLM's own sources of what tflm_stand_in.cc stands for.
_TFLM_SOURCES = (
    "tensorflow/lite/micro/micro_context.cc",
    "tensorflow/lite/micro/memory_helpers.cc",
    "tensorflow/lite/micro/kernels/kernel_util.cc",
)
# Where TFLM's makefile and its project generator put the headers of third parties.
_TFLM_THIRD_PARTIES = ("tensorflow/lite/micro/tools/make/downloads", "third_party")


class BuildError(Exception):
    """The program cannot be built; the text says why."""


@dataclasses.dataclass(frozen=True)
class Core:
    """A core and the QEMU machine that has it.

    recording_address: where that machine has 16 MiB of memory for the recording. has_dsp: whether
    it has the DSP extension; where not, plain C++ kernels are all that there are.
    """

    name: str
    machine: str
    recording_address: int
    has_dsp: bool
    flags: tuple[str, ...]


_FLOAT_ABI = ("-mthumb", "-mfloat-abi=hard")
CORES = {
    core.name: core
    for core in (
        Core(
            "cortex-m3",
            "mps2-an385",
            0x21000000,
            False,
            ("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
        ),
        Core(
            "cortex-m4",
            "mps2-an386",
            0x21000000,
            True,
            ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", *_FLOAT_ABI),
        ),
        Core(
            "cortex-m7",
            "mps2-an500",
            0x60000000,
            True,
            ("-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16", *_FLOAT_ABI),
        ),
    )
}
DEFAULT_OPTIMISATION = "-O2"

_COMMON_FLAGS = ["-std=c++17", "-ffunction-sections", "-fdata-sections", "-fno-exceptions"]
_COMMON_FLAGS += ["-fno-rtti", "-fno-threadsafe-statics", "-DNDEBUG", "-g"]
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
_LINK_FLAGS = ("-nostartfiles", f"-T{_SOURCES}/cortex_m.ld", "-Wl,--gc-sections")


@dataclasses.dataclass(frozen=True)
class Replacement:
    """Other sources in place of some kernels: the stems of these, and what is linked for them."""

    without: Sequence[str]
    sources: Sequence[Path]
    includes: Sequence[Path]
    libraries: Sequence[Path]


def build(
    core: Core,
    reference: bool = False,
    optimisation: str = DEFAULT_OPTIMISATION,
    replacement: Replacement | None = None,
) -> Path:
    """Path of the program for `core`, compiled if it is older than what it is made of.

    reference: with the plain C++ kernels, without those of the DSP extension. Raises
    BuildError with the compiler's text.
    """
    other = replacement or Replacement((), (), (), ())
    flags = [*core.flags, *_COMMON_FLAGS, *optimisation.split()]
    flags.append(f"-DTFLM_TRAINING_RECORDING_ADDRESS=0x{core.recording_address:x}u")
    if reference:
        flags.append("-DTFLM_TRAINING_REFERENCE_KERNELS")
    tflm_flags, tflm_sources = tflm()
    flags += tflm_flags
    flags += [word for path in other.includes for word in ("-isystem", str(path))]
    kernels = [path for path in kernel_sources() if path.stem not in other.without]
    sources = [*kernels, *other.sources, *_own_sources(bool(tflm_sources)), *tflm_sources]
    made_of = [*flags, *map(str, sources), *map(str, other.libraries)]
    digest = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
    folder = BUILD / f"{core.name}-{digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)

    with ThreadPoolExecutor(jobs()) as pool:
        objects = list(pool.map(lambda source: _compile(source, folder, flags), sources))
    program = folder / "replay.elf"
    script = ROOT / _SOURCES / "cortex_m.ld"
    if is_newer(program, [*objects, script, *other.libraries]):
        linked = _temporary(program)
        _run(
            [*core.flags, *_LINK_FLAGS, *map(str, [*objects, *other.libraries]), "-o", str(linked)]
        )
        linked.replace(program)
    return program


def jobs() -> int:
    return int(os.environ.get("TFLM_TRAINING_BUILD_JOBS", os.cpu_count() or 1))


def kernel_sources() -> list[Path]:
    found = ROOT.glob("kernels/**/*.cc")
    return sorted(path for path in found if not path.stem.endswith("_test"))


def _own_sources(has_tflm: bool) -> list[Path]:
    found = sorted((ROOT / _SOURCES).glob("*.cc"))
    return [path for path in found if not (has_tflm and path.stem == "tflm_stand_in")]


def tflm() -> tuple[list[str], list[Path]]:
    """Flags for TFLM's headers, and sources of TFLM that take part."""
    gemmlowp = os.environ.get("GEMMLOWP_INCLUDE", "/usr/include/gemmlowp")
    includes = [gemmlowp]
    tree = os.environ.get("TFLM_DIR")
    if tree:
        defines, sources = ["-DTF_LITE_STATIC_MEMORY"], [Path(tree) / s for s in _TFLM_SOURCES]
        third_parties = [
            str(Path(tree) / folder / name)
            for folder in _TFLM_THIRD_PARTIES
            for name in ("flatbuffers/include", "gemmlowp", "ruy")
        ]
        includes = [tree, *third_parties, gemmlowp]
    else:
        specification = importlib.util.find_spec("xmos_ai_tools")
        if specification is None or specification.origin is None:
            raise BuildError("TFLite Micro's headers are missing: pip install xmos-ai-tools==1.4.2")
        include = Path(specification.origin).parent / "runtime" / "include"
        defines, sources = ["-Dtflite=tflite_micro"], []
        includes = [f"{_SOURCES}/headers", str(include), gemmlowp]
    return [*defines, *(word for path in includes for word in ("-isystem", path))], sources


def _compile(source: Path, folder: Path, flags: list[str]) -> Path:
    is_own = source.is_relative_to(ROOT)
    name = source.relative_to(ROOT) if is_own else Path("tflm") / source.name
    compiled = folder / name.with_suffix(".o")
    listed = compiled.with_suffix(".d")
    if is_newer(compiled, dependencies(listed)):
        compiled.parent.mkdir(parents=True, exist_ok=True)
        warnings = WARNINGS if is_own else ("-w",)
        made, made_list = _temporary(compiled), _temporary(listed)
        command = [*flags, *warnings, "-I.", "-c", str(source), "-o", str(made)]
        _run([*command, "-MMD", "-MF", str(made_list)])
        made_list.replace(listed)
        made.replace(compiled)
    return compiled


def _temporary(path: Path) -> Path:
    """Where to write before the file is moved to `path`: another process may build too."""
    return path.with_name(f"{path.name}.{os.getpid()}")


def dependencies(listed: Path) -> list[Path]:
    """The files that the compiler's list names; the list itself while there is none."""
    if not listed.exists():
        return [listed]
    rule = listed.read_text().replace("\\\n", " ").split(":", 1)[1]
    return [ROOT / path for path in rule.split()]


def is_newer(made: Path, sources: list[Path]) -> bool:
    """Whether a source is newer than what is made of it, or one of them is missing."""
    if not made.exists() or not all(source.exists() for source in sources):
        return True
    return max(source.stat().st_mtime for source in sources) > made.stat().st_mtime


def _run(arguments: list[str]) -> None:
    command = [_COMPILER, *arguments]
    try:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError(
            f"{_COMPILER} is not installed (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi "
            "libstdc++-arm-none-eabi-newlib)"
        ) from None
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{' '.join(command)}\n{error.stderr[:_ERROR_TEXT]}") from None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--core", choices=sorted(CORES), default="cortex-m7")
    parser.add_argument("--reference", action="store_true", help="plain C++ kernels only")
    parser.add_argument("--opt", default=DEFAULT_OPTIMISATION, help="optimisation flags")
    options = parser.parse_args()
    try:
        print(build(CORES[options.core], options.reference, options.opt))
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
