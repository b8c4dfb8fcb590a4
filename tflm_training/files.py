"""Files that are written whole or not at all, and never over another by accident."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tflm_training.data import DataError


def read_file(path: str | Path) -> bytes:
    """The content of a file. Raises DataError, which names it."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def check_writable(path: Path | None, overwrite: bool) -> None:
    """Refuse a file that could not be written, before the work; None is no file. Raises
    DataError."""
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise DataError(f"{path}: not a file in an existing directory")
    if path.exists() and not overwrite:
        raise DataError(f"{path}: exists already (--overwrite replaces it)")


def write_file(path: Path, content: bytes) -> None:
    """Write to a temporary file beside it, bring that to the disk and rename it: whoever reads
    finds the old content or the new one, even after a loss of power. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's own mode shuts everybody else out
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
