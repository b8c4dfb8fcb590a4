"""One comparison of a training operator in TFLite Micro with its NumPy twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from converter.ir.options import Options


@dataclasses.dataclass(frozen=True)
class Case:
    """An operator, what it reads, and the function that says what it must write.

    `twin(options, *inputs)` returns the outputs, then the inputs that are `written`, in
    order. It must not modify its arguments.
    """

    options: Options
    inputs: Sequence[np.ndarray | None]  # None: an absent optional input
    outputs: Sequence[tuple[tuple[int, ...], type]]  # shape and dtype of each
    twin: Callable[..., Sequence[np.ndarray]]
    written: Sequence[int] = ()  # indices of the inputs that are updated in place
    constant: Sequence[int] = ()  # indices of the inputs that live in the flatbuffer

    def expected(self) -> list[np.ndarray]:
        """What the twin says."""
        results = list(self.twin(self.options, *self.inputs))
        if len(results) != len(self.outputs) + len(self.written):
            raise ValueError(f"{self.options.CUSTOM_CODE}: the twin gives {len(results)} arrays")
        return results
