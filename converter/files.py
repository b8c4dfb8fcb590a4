"""Writes result files: all of them or none, and never over something by accident."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from converter.errors import ConverterError


def output_paths(model: Path, output: Path | None, c_array: bool) -> dict[str, Path]:
    """Kind ('tflite', 'json', 'h', 'cc') -> path.

    output: a directory (results are called <stem>_train.*), a .tflite file, or None for the
    model's directory.
    """
    if output is not None and output.suffix == ".tflite":
        base = output.with_suffix("")
    else:
        base = (output or model.parent) / f"{model.stem}_train"
    kinds = ["tflite", "json", *(["h", "cc"] if c_array else [])]
    return {kind: base.parent / f"{base.name}.{kind}" for kind in kinds}


def check_free(paths: list[Path], model: Path, overwrite: bool) -> None:
    """Raises ConverterError if a result would replace a file that is there."""
    for path in paths:
        if path.exists() and path.resolve() == model.resolve():
            raise ConverterError(f"{path}: the output would replace the model itself; name another")
        if path.exists() and not overwrite:
            raise ConverterError(f"{path}: exists already; use --overwrite or another --output")


def write_all(contents: dict[Path, bytes]) -> None:
    """Write every file to a temporary name beside its place, then rename all of them."""
    written: list[tuple[str, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            written.append((temporary, path))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)
        for temporary, path in written:
            os.replace(temporary, path)
    except OSError as error:
        raise ConverterError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        for temporary, _ in written:
            if os.path.exists(temporary):
                os.unlink(temporary)
