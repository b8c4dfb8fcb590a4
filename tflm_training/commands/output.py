"""What the commands share: argument types, the console and the report file."""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflm_training.data import DataError

if TYPE_CHECKING:
    from rich.console import Console


def positive_int(text: str) -> int:
    """An argparse type: an integer of 1 or more."""
    value = _number(int, text, "an integer")
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or larger")
    return value


def non_negative_int(text: str) -> int:
    """An argparse type: an integer of 0 or more."""
    value = _number(int, text, "an integer")
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or larger")
    return value


def non_negative_float(text: str) -> float:
    """An argparse type: a finite number of 0 or more."""
    value = _number(float, text, "a number")
    if not math.isfinite(value) or value < 0.0:
        raise argparse.ArgumentTypeError(f"{text} is not finite and 0 or larger")
    return value


def _number(kind: type, text: str, name: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {name}") from None


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """--json, --overwrite, --quiet and --verbose."""
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write the results there")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT.json if it exists")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print errors only")
    volume.add_argument("--verbose", action="store_true", help="print the model's signature too")


def make_console(arguments: argparse.Namespace) -> Console:
    """A console on stdout that honours --quiet."""
    from rich.console import Console

    return Console(quiet=arguments.quiet, highlight=False, markup=False, soft_wrap=True)


def check_writable(path: Path | None, overwrite: bool) -> None:
    """Refuse a report that could not be written, before the work. Raises DataError."""
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise DataError(f"{path}: not a file in an existing directory")
    if path.exists() and not overwrite:
        raise DataError(f"{path}: exists already (--overwrite replaces it)")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the report, all of it or nothing."""
    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write to a temporary file beside it and rename that: all or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # mkstemp's own mode shuts everybody else out
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
