"""What the commands share: argument types, the console and the report file."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflm_training.data import DataError
from tflm_training.files import check_writable, write_file
from tflm_training.plots import FORMATS

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
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    add_volume_arguments(parser)


def add_volume_arguments(parser: argparse.ArgumentParser) -> None:
    """--quiet and --verbose."""
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print errors only")
    volume.add_argument("--verbose", action="store_true", help="print the model's signature too")


def add_plot_argument(parser: argparse.ArgumentParser, content: str) -> None:
    """--plot, which draws `content`."""
    endings = "|".join(f".{name}" for name in FORMATS)
    parser.add_argument(
        "--plot",
        type=Path,
        metavar=f"FILE{endings}",
        help=f"draw {content}; classes are named by the array `classes` of the .npz, if it has one",
    )


def check_outputs(arguments: argparse.Namespace, *options: str) -> None:
    """Refuse, before any work, files that could not be written, and one file for two of these
    options, by whatever path. Raises DataError."""
    taken: dict[Path, str] = {}
    for option in options:
        path: Path | None = getattr(arguments, option)
        if path is None:
            continue
        check_writable(path, arguments.overwrite)
        if option == "plot" and path.suffix[1:] not in FORMATS:
            raise DataError(f"--plot {path}: must end in .{' or .'.join(FORMATS)}")
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise DataError(f"{path}: --{other} and --{option} name the same file")


def make_console(arguments: argparse.Namespace) -> Console:
    """A console on stdout that honours --quiet."""
    from rich.console import Console

    return Console(quiet=arguments.quiet, highlight=False, markup=False, soft_wrap=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the report, all or nothing. Raises OSError."""
    write_file(path, (json.dumps(content, indent=2) + "\n").encode())
