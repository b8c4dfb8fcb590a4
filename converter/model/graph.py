"""The object graph of a TFLite model.

Operators point at tensors and tensors at their data; there are no indices. What is not
reachable from the graph's inputs, outputs and operators does not exist, so an edit
never leaves anything behind. Tensors and operators compare by identity.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

_LONGEST_NAME = 120
_SHOWN_EXTENTS = 8


def shown(name: str) -> str:
    """A name from a file, fit for a message: one line, printable, not too long."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


@dataclasses.dataclass(eq=False)
class Quantization:
    """Affine quantisation: real = scale * (q - zero_point).

    scale: float32 [1] (per-tensor) or [C] (per-channel); zero_point: int64 [1] or [C];
    quantized_dimension: the axis of C.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    quantized_dimension: int = 0

    @staticmethod
    def per_tensor(scale: float, zero_point: int) -> Quantization:
        return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int64))


@dataclasses.dataclass(eq=False)
class Tensor:
    """A tensor. `data` is its constant content (of `dtype` and `shape`), or None.

    `tensor_type` is the schema's TensorType for types that NumPy lacks (int4, string,
    resource, ...); their `dtype` is uint8 and `data` the raw bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    is_variable: bool = False
    shape_signature: tuple[int, ...] | None = None
    tensor_type: int | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the content in memory."""
        return self.elements * self.dtype.itemsize

    @property
    def scale(self) -> float:
        """The per-tensor scale (the first one of a per-channel tensor)."""
        assert self.quantization is not None
        return float(self.quantization.scale[0])

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point (the first one of a per-channel tensor)."""
        assert self.quantization is not None
        return int(self.quantization.zero_point[0])

    def __str__(self) -> str:
        extents = [*map(str, self.shape[:_SHOWN_EXTENTS])]
        if len(self.shape) > _SHOWN_EXTENTS:
            extents.append("...")
        return f"'{shown(self.name)}' ({self.dtype.name} [{', '.join(extents)}])"


@dataclasses.dataclass(eq=False)
class Operator:
    """An operator. `name` is TFLite's (CONV_2D) or, if `is_custom`, the custom code.

    `options` is the schema's object for the operator (Conv2DOptionsT, ...) or None;
    `options_type` its number in the schema's union. An absent optional input is None.
    `padding` is explicit (top, left) padding of a convolution; the schema has no word for it,
    so it must be lowered before the model is written.
    """

    name: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: Any = None
    options_type: int = 0
    options_2: Any = None
    options_2_type: int = 0
    custom_options: bytes | None = None
    is_custom: bool = False
    version: int = 1
    intermediates: list[Tensor] = dataclasses.field(default_factory=list)
    padding: tuple[int, int] | None = None

    @property
    def output(self) -> Tensor:
        return self.outputs[0]

    def tensors(self) -> Iterator[Tensor]:
        for tensor in (*self.inputs, *self.outputs, *self.intermediates):
            if tensor is not None:
                yield tensor


@dataclasses.dataclass(eq=False)
class Signature:
    """A named entry point: argument name -> tensor."""

    key: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


@dataclasses.dataclass(eq=False)
class Graph:
    """One subgraph: its inputs, outputs and operators in order of execution."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: list[Operator]
    name: str = "main"

    def tensors(self) -> list[Tensor]:
        """Every tensor once, in the order in which they are written to a file:
        inputs, then those of each operator, then outputs."""
        seen: dict[int, Tensor] = {}
        for tensor in self.inputs:
            seen.setdefault(id(tensor), tensor)
        for operator in self.operators:
            for tensor in operator.tensors():
                seen.setdefault(id(tensor), tensor)
        for tensor in self.outputs:
            seen.setdefault(id(tensor), tensor)
        return list(seen.values())

    def producer(self, tensor: Tensor) -> Operator | None:
        """The operator that writes the tensor, or None (inputs, constants, variables)."""
        for operator in self.operators:
            if any(output is tensor for output in operator.outputs):
                return operator
        return None

    def consumers(self, tensor: Tensor) -> list[Operator]:
        """The operators that read the tensor, in order."""
        return [op for op in self.operators if any(t is tensor for t in op.inputs)]

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Let every reader of `old` read `new`, graph outputs included."""
        for operator in self.operators:
            operator.inputs = [new if t is old else t for t in operator.inputs]
        self.outputs = [new if t is old else t for t in self.outputs]


@dataclasses.dataclass(eq=False)
class Model:
    """A model with one subgraph; `metadata` maps names to raw bytes."""

    graph: Graph
    description: str = ""
    metadata: dict[str, bytes] = dataclasses.field(default_factory=dict)
    signatures: list[Signature] = dataclasses.field(default_factory=list)
