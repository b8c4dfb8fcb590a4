"""The backward graph under construction: gradients, and the operators that make them."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.ir.activation import Clamp, mask_bounds
from converter.ir.options import Options
from converter.ir.training_ops import GradientAdd, GradientMask
from converter.model.graph import Operator, Quantization, Tensor


@dataclasses.dataclass(frozen=True)
class Gradient:
    """dL/d(real value) of a tensor: mantissa * scale[0].

    mantissa: int16 or int8, as many elements as the tensor; scale: float32 [2], [sigma, max|m|].
    `masked` says that the clamp of the tensor has been applied.
    """

    mantissa: Tensor
    scale: Tensor
    masked: bool = False

    def as_unmasked(self) -> Gradient:
        return dataclasses.replace(self, masked=False)


def training_operator(
    options: Options, inputs: list[Tensor | None], outputs: list[Tensor]
) -> Operator:
    """A custom operator with its option record."""
    return Operator(
        name=options.CUSTOM_CODE,
        inputs=inputs,
        outputs=outputs,
        custom_options=options.pack(),
        is_custom=True,
    )


def constant(name: str, data: np.ndarray) -> Tensor:
    return Tensor(name, data.shape, data.dtype, data=data)


def saturated(values: np.ndarray) -> np.ndarray:
    """float32 of float64 values >= 0: the scales of a model may be as small as they like."""
    return np.minimum(values, np.finfo(np.float32).max).astype(np.float32)


def scaled(scale: Tensor, factor: float) -> Tensor:
    """A constant of float32 scales, all of them times `factor`."""
    assert scale.data is not None
    return dataclasses.replace(scale, data=saturated(scale.data.astype(np.float64) * factor))


@dataclasses.dataclass
class Backward:
    """Collects the operators of the backward pass in order of execution.

    learning_rate: float32 [1], an input of the graph; random_state: int32 [1], the variable
    that holds the state of the rounding generator; gradient_dtype: int16 or int8, of every
    mantissa.
    """

    learning_rate: Tensor
    random_state: Tensor
    gradient_dtype: np.dtype
    operators: list[Operator] = dataclasses.field(default_factory=list)

    def new_gradient(self, tensor: Tensor, suffix: str = "") -> Gradient:
        """Tensors for a gradient of `tensor`; `suffix` tells several of them apart."""
        name = f"{tensor.name}/gradient{suffix}"
        return Gradient(
            Tensor(name, tensor.shape, self.gradient_dtype, Quantization.per_tensor(1.0, 0)),
            Tensor(f"{name}_scale", (2,), np.dtype(np.float32)),
        )

    def emit(
        self, options: Options, inputs: list[Tensor | None], outputs: list[Tensor] | None = None
    ) -> None:
        self.operators.append(training_operator(options, inputs, outputs or []))

    def emit_gradient(
        self,
        options: Options,
        inputs: list[Tensor | None],
        tensor: Tensor,
        suffix: str = "",
        masked: bool = False,
    ) -> Gradient:
        """Emit an operator that writes one gradient of `tensor`."""
        gradient = self.new_gradient(tensor, suffix)
        self.emit(options, inputs, [gradient.mantissa, gradient.scale])
        return dataclasses.replace(gradient, masked=masked)

    def total(
        self, tensor: Tensor, parts: list[Gradient], clamp: Clamp | None, gradient_bits: int
    ) -> Gradient:
        """The sum of the contributions to the gradient of `tensor`, masked by its clamp."""
        minimum, maximum = mask_bounds(clamp)
        masked_by = clamp.tensor if clamp else None
        total = parts[0]
        for i, part in enumerate(parts[1:], start=1):
            last = i == len(parts) - 1
            masked_here = masked_by if last else None
            total = self.emit_gradient(
                GradientAdd(tensor.elements, gradient_bits, *mask_bounds(clamp if last else None)),
                [total.mantissa, total.scale, part.mantissa, part.scale, masked_here],
                tensor,
                suffix=f"_sum_{i}",
                masked=last,
            )
        if clamp and not total.masked:
            total = self.emit_gradient(
                GradientMask(tensor.elements, minimum, maximum),
                [total.mantissa, total.scale, masked_by],
                tensor,
                suffix="_masked",
                masked=True,
            )
        return total
