"""Firmware for the emulated Cortex-M7 with upstream TFLite Micro, for the benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from examples.stm32f746.firmware import make

# Kept, so that the next model compiles only what includes it.
_BUILD = Path(__file__).resolve().parents[1] / "build" / "upstream_steps"


class BuildError(RuntimeError):
    """make failed; the text ends with what it said."""


def build_firmware(options: argparse.Namespace, model: Path) -> tuple[Path, int]:
    """The firmware with this model, and the bytes of flash that it takes."""
    arguments = [f"TFLM_DIR={options.tflm_dir.resolve()}", f"MODEL={model}"]
    if options.tflm_lib is not None:
        arguments.append(f"TFLM_LIB={options.tflm_lib.resolve()}")
    if options.tflm_include is not None:
        arguments.append(f"TFLM_INCLUDE={options.tflm_include}")
    done = make("BOARD=mps2-an500", f"BUILD={_BUILD}", *arguments)
    if done.returncode != 0:
        raise BuildError(f"the firmware cannot be built\n{done.stderr[-2000:]}")
    firmware = _BUILD / "mps2-an500" / "firmware.elf"
    return firmware, firmware.with_suffix(".bin").stat().st_size


def add_tflm_arguments(parser: argparse.ArgumentParser, required: bool) -> None:
    """What `build_firmware` reads."""
    parser.add_argument("--tflm_dir", type=Path, required=required, help="TFLM's source tree")
    parser.add_argument("--tflm_lib", type=Path, help="its static library, unless under gen/")
    parser.add_argument("--tflm_include", help="further include folders, separated by spaces")
