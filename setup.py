"""Build of the native extension; everything else is in pyproject.toml.

The headers of TFLite Micro come from the xmos-ai-tools package; those of gemmlowp, which
they include, from the directory that GEMMLOWP_INCLUDE names, or Debian's libgemmlowp-dev.
TFLM_TRAINING_BUILD_JOBS limits the number of compilers that run at a time, and
TFLM_TRAINING_WERROR=1 makes warnings errors, as the tests' setup does: with a compiler that
nobody has tried, a new warning is no reason not to install.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

import pybind11
from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup

ROOT = Path(__file__).resolve().parent


def tflm_include() -> str:
    """The directory of TFLite Micro's headers."""
    specification = importlib.util.find_spec("xmos_ai_tools")
    if specification is None or specification.origin is None:
        sys.exit("error: TFLite Micro's headers are missing: pip install xmos-ai-tools==1.4.2")
    include = Path(specification.origin).parent / "runtime" / "include"
    if not (include / "tensorflow/lite/micro/micro_interpreter.h").exists():
        sys.exit(f"error: no TFLite Micro headers in {include}: pip install xmos-ai-tools==1.4.2")
    return str(include)


def gemmlowp_include() -> str:
    """The directory of gemmlowp's headers."""
    include = os.environ.get("GEMMLOWP_INCLUDE", "/usr/include/gemmlowp")
    if not (Path(include) / "fixedpoint/fixedpoint.h").exists():
        sys.exit(
            f"error: no gemmlowp headers in {include}: apt install libgemmlowp-dev, or let "
            "GEMMLOWP_INCLUDE name the root of a gemmlowp tree"
        )
    return include


def files(*patterns: str) -> list[str]:
    """Files of the project that match a pattern, without the tests."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(str(p.relative_to(ROOT)) for p in found if not p.stem.endswith("_test"))


def needs_recompile(object_file: str, source: str) -> bool:
    """Whether the source, a header in the dependency file (-MMD) or this file is newer."""
    made = Path(object_file)
    listed = made.with_suffix(".d")
    if not made.exists() or not listed.exists():
        return True
    rule = listed.read_text().replace("\\\n", " ").split(":", 1)[1]
    newest = made.stat().st_mtime
    used = [*rule.split(), __file__]
    return any(not Path(f).exists() or Path(f).stat().st_mtime > newest for f in used)


FLAGS = ["-O3", "-Dtflite=tflite_micro", "-MMD", "-Wall", "-Wextra", "-Wconversion"]
if os.environ.get("TFLM_TRAINING_WERROR") == "1":
    FLAGS.append("-Werror")
# Other people's headers, of which no warning is shown.
for folder in (
    tflm_include(),
    gemmlowp_include(),
    pybind11.get_include(),
    sysconfig.get_path("include"),
):
    FLAGS += ["-isystem", folder]
HEADERS = files("kernels/**/*.h", "kernels/**/*.inc", "tflm_training/*.h")


def extension(name: str, sources: list[str]) -> Pybind11Extension:
    return Pybind11Extension(
        name,
        sources,
        include_dirs=["."],
        depends=[*HEADERS, "setup.py"],
        cxx_std=17,
        extra_compile_args=FLAGS,
    )


DEBUG_LOG = extension("tflm_training._debug_log", ["tflm_training/_debug_log.cc"])
# The library looks this one's DebugLog up by name.
DEBUG_LOG.extra_compile_args = [*DEBUG_LOG.extra_compile_args, "-fvisibility=default"]
RUNTIME = extension(
    "tflm_training._runtime",
    files("tflm_training/_runtime*.cc", "tflm_training/[!_]*.cc", "kernels/**/*.cc"),
)

with ParallelCompile("TFLM_TRAINING_BUILD_JOBS", needs_recompile=needs_recompile):
    setup(ext_modules=[DEBUG_LOG, RUNTIME])
