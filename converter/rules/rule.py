"""What a gradient rule is."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from converter.ir.activation import Clamp
from converter.ir.backward import Backward, Gradient
from converter.ir.bounds import MAX_GRADIENT_BITS
from converter.model.graph import Operator, Tensor
from converter.rules.constraint import Constraint, Refusal


@dataclasses.dataclass(frozen=True)
class LayerUpdate:
    """What one parametrised layer trains.

    channels: the first so many of the `of` channels of its filter (input channels of
    CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV, output channels of DEPTHWISE_CONV_2D); 0
    freezes it.
    """

    bias: bool
    channels: int
    of: int

    @property
    def is_frozen(self) -> bool:
        return not self.bias and self.channels == 0


class Limits(Protocol):
    """Answers how many bits the gradient of a tensor may have (see `differentiate`)."""

    def gradient_bits(self, tensor: Tensor) -> int: ...


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One input whose gradient is asked for: its clamp, if the operator that writes the
    gradient should apply it, and the bits that the gradient may have."""

    tensor: Tensor
    clamp: Clamp | None
    gradient_bits: int


class Rule(Protocol):
    """The gradient of one operator. The module docstring of each rule is its algebra."""

    @property
    def operators(self) -> tuple[str, ...]:
        """TFLite names of the operators that it serves."""

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What its operators must keep to: all that `check` and `update` say."""

    @property
    def int8_inputs(self) -> tuple[int, ...]:
        """Places of the inputs that must be int8; others are indices and biases, or outputs of
        operators that were checked."""

    def check(self, operator: Operator) -> Refusal | None:
        """Why the operator cannot be differentiated, or None if it can."""

    def output_clamp(self, operator: Operator) -> int:
        """The activation (schema ActivationFunctionType) that the operator applies."""

    def passes_values(self, operator: Operator) -> bool:
        """Whether the output holds the very int8 values of input 0 (a view)."""

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        """The most bits that the gradient of the output may have for this operator."""

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        """Emit the gradient of inputs[index] from the gradient of the output."""

    def update(
        self, operator: Operator, update: LayerUpdate, gradient: Gradient, backward: Backward
    ) -> None:
        """Emit the update of the operator's own parameters."""

    def macs(self, operator: Operator) -> int:
        """Multiply-accumulates of the forward operator; its input gradient and its filter
        gradient take as many each."""


class BaseRule:
    """Defaults for operators without activation and parameters."""

    operators: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    int8_inputs: tuple[int, ...] = (0,)

    def check(self, operator: Operator) -> Refusal | None:
        return None

    def output_clamp(self, operator: Operator) -> int:
        return int(getattr(operator.options, "fusedActivationFunction", 0))

    def passes_values(self, operator: Operator) -> bool:
        return False

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        return MAX_GRADIENT_BITS

    def update(
        self, operator: Operator, update: LayerUpdate, gradient: Gradient, backward: Backward
    ) -> None:
        raise AssertionError(f"{operator.name} has no parameters")

    def macs(self, operator: Operator) -> int:
        return 0


class OneMapRule(BaseRule):
    """Defaults for operators whose gradient is made of the output's element by element: it has no
    more bits than that of the input may have."""

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        assert operator.inputs[0] is not None
        return limits.gradient_bits(operator.inputs[0])
