"""Refuses an arena that TFLite Micro would not start in."""

from __future__ import annotations

from pathlib import Path

from tflm_training.data import DataError


def check_arena(name: str | Path, content: bytes, arena_bytes: int) -> None:
    """Raise DataError if the model needs more on this computer; one that cannot be read is left
    to the interpreter. In an arena that is far too small TFLite Micro does not fail but reads
    through a null pointer."""
    from converter.errors import ConverterError
    from converter.memory import HOST_64, predict_arena
    from converter.model import read_model

    try:
        model = read_model(content, str(name), keep_plan=True)
        needed = predict_arena(model, HOST_64).smallest_arena
    except ConverterError:
        return
    if arena_bytes < needed:
        raise DataError(
            f"arena_bytes {arena_bytes}: {name} needs {needed} bytes of arena on this computer"
        )
