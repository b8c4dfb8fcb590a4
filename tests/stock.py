"""Real models: the bundled one, and others where a folder "shared" beside the checkout has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from examples.digits.demo import MODEL as DIGITS

_FOLDER = Path(__file__).resolve().parents[2] / "shared"


def stock_model(name: str) -> Path:
    """The flatbuffer of a model, "digits" or the stem of a file of the folder."""
    return DIGITS if name == "digits" else _FOLDER / "models" / f"{name}.tflite"


def stock_data(name: str) -> Path:
    """A dataset of the folder, .npz with x_test and y_test."""
    return _FOLDER / "data" / f"{name}.npz"


def at_hand(names: Iterable[str]) -> list[str]:
    """Those of the models that there are here."""
    return [name for name in names if stock_model(name).is_file()]
