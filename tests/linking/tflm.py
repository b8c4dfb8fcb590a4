"""What the tests link against, and which files of the project belong to a firmware."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).with_name("tflm_training_app.cc")


def includes() -> list[Path]:
    """TFLM's headers, and those that they include."""
    specification = importlib.util.find_spec("xmos_ai_tools")
    assert specification is not None and specification.origin is not None
    gemmlowp = os.environ.get("GEMMLOWP_INCLUDE", "/usr/include/gemmlowp")
    return [Path(specification.origin).parent / "runtime" / "include", Path(gemmlowp)]


def firmware_sources() -> set[str]:
    """The C++ files that firmware links, relative to the project's root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.cc"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {
        name
        for name in listed
        if name.startswith(("kernels/", "tflm_training/"))
        and not name.endswith("_test.cc")
        and not Path(name).name.startswith("_")
    }


def op_count() -> int:
    """The number of training operators."""
    text = (ROOT / "kernels" / "training_ops.inc").read_text()
    return sum(line.startswith("TFLM_TRAINING_OP(") for line in text.splitlines())
