"""What the benchmarks' command lines have in common."""

from __future__ import annotations

import argparse
from pathlib import Path


def folder(text: str) -> Path:
    """An argparse type: a folder that exists."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: no such folder")
    return path


def parser(description: str | None, *, needs_data: bool = False) -> argparse.ArgumentParser:
    """A parser with --models and, for a benchmark that needs it, --data."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    result.add_argument("--models", type=folder, required=True, help="folder of .tflite models")
    if needs_data:
        result.add_argument("--data", type=folder, required=True, help="folder of .npz data")
    return result
