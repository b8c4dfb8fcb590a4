"""Reads the files that a user names: the model and the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.errors import ConverterError
from converter.passes.loss import MSE

if TYPE_CHECKING:
    from tflm_training.data import DataSet


def read_model_file(path: Path) -> bytes:
    """Raises ConverterError, as all here do."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConverterError(f"{path}: {error.strerror or error}") from error


def read_data(path: Path | None, loss: str | None) -> DataSet | None:
    """The arrays of an .npz; None without a path. For mse the targets may be missing."""
    if path is None:
        return None
    from tflm_training.data import DataError, load_npz

    try:
        return load_npz(path, labels_required=loss != MSE)
    except DataError as error:
        raise ConverterError(f"--data {error}") from error
