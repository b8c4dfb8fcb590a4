"""What the rules of CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV share.

y = sum w * x + b, so dL/dx is the transposed convolution of dL/dy with w, dL/dw correlates
x with dL/dy, and dL/db sums dL/dy.
"""

from __future__ import annotations

import abc
import dataclasses

import numpy as np

from converter.errors import NoGradientError
from converter.ir.activation import mask_bounds
from converter.ir.backward import Backward, Gradient, constant, saturated
from converter.ir.bounds import (
    INT32_MAX,
    MAX_BIAS_POSITIONS,
    filter_update_bits,
    input_gradient_bits,
    weight_bound,
)
from converter.ir.training_ops import (
    BiasUpdate,
    ConvFilterUpdate,
    ConvGeometry,
    ConvInputGrad,
    TrainingConv,
)
from converter.model.graph import Operator, Tensor
from converter.rules.constraint import POSITIONS, Constraint, Refusal
from converter.rules.parameters import (
    PARAMETER_CONSTRAINTS,
    bias_of,
    check_accumulator,
    check_extents,
    check_parameters,
    filter_of,
    forward_bias_limit,
    input_of,
    weight_limit,
    weight_scales,
)
from converter.rules.rule import BaseRule, LayerUpdate, Limits, Wanted

# Largest change of one parameter in one step, in LSB: what keeps deep updates stable. A filter
# gradient is a sum over positions; where there are many, a step is held to 1. A classifier
# meets one position and must not be clamped: its gradient is one large entry against many
# small ones, and clipping the large one makes every logit drift downwards.
LARGEST_STEP = 127
_STEP_POSITIONS = 512
# Real values beyond this in a layer's input make plain SGD unstable at usual learning rates.
UNNORMALISED_INPUT = 200.0
# Below this share of the largest weight scale, a channel's multiplier rounds to nothing.
DEAD_CHANNEL_RATIO = 1.0 / 65534.0

_TOO_LARGE = Constraint("filter ... is too large for an int32 input gradient")
_TRAINED_OVERFLOW = Constraint(
    "it sums too many products: with trained weights its int32 accumulator could overflow; "
    "freeze it"
)


def dead_channels(operator: Operator) -> np.ndarray:
    """bool [O] or [1]: output channels whose weights are too small to carry a gradient,
    or whose bias leaves the forward accumulator no room. They stay frozen."""
    scales = weight_scales(operator)
    dead = scales <= scales.max() * DEAD_CHANNEL_RATIO
    bias = bias_of(operator)
    initial = None if bias is None else bias.data
    if initial is not None:
        limit = forward_bias_limit(operator)
        beyond = np.abs(initial.astype(np.int64).ravel()) > limit
        dead = dead | (beyond if scales.size > 1 else beyond.any(keepdims=True))
    return dead


def multiplier_and_scale(operator: Operator) -> tuple[Tensor | None, float]:
    """The int16 multiplier [O] of the input gradient (None per tensor), and its scale_factor."""
    scales = weight_scales(operator)
    if scales.size == 1:
        return None, float(scales[0])
    largest = float(scales.max())
    multiplier = np.round(32767.0 * scales.astype(np.float64) / largest).astype(np.int16)
    name = f"{filter_of(operator).name}/multiplier"
    return constant(name, multiplier), largest * 32768.0 / 32767.0


def largest_real(tensor: Tensor) -> float:
    """The largest |real value| that a quantised tensor can hold; 0 for any other tensor."""
    if tensor.quantization is None:
        return 0.0
    return tensor.scale * max(127 - tensor.zero_point, tensor.zero_point + 128)


def filter_update_scale(operator: Operator) -> Tensor:
    """s_x / s_w[c], float32: SGD on the real weight, in LSB (quantisation-aware scaling).

    A layer that reads raw values (images of 0..255) learns as if they were scaled to 1 and
    the weights by as much the other way: else no learning rate suits it and the others.
    """
    scales = weight_scales(operator).astype(np.float64)
    factor = np.where(dead_channels(operator), 0.0, input_of(operator).scale / scales)
    largest = largest_real(input_of(operator))
    if largest > UNNORMALISED_INPUT:
        factor /= largest**2
    return constant(f"{filter_of(operator).name}/update_scale", saturated(factor))


def emit_bias_update(
    operator: Operator, positions: int, gradient: Gradient, backward: Backward
) -> None:
    bias = bias_of(operator)
    assert bias is not None
    scales = weight_scales(operator).astype(np.float64) * input_of(operator).scale
    factor = saturated(np.where(dead_channels(operator), 0.0, 1.0 / scales))
    backward.emit(
        BiasUpdate(
            positions=positions,
            channels=bias.elements,
            clamp=LARGEST_STEP,
            limit=forward_bias_limit(operator),
        ),
        [
            gradient.mantissa,
            gradient.scale,
            bias,
            backward.learning_rate,
            constant(f"{bias.name}/update_scale", factor),
            backward.random_state,
        ],
    )


class ConvolutionRule(BaseRule, abc.ABC):
    """The common part; subclasses say what their geometry and reductions are.

    forward: the own operator that can take the place of TFLM's, or None.
    """

    constraints: tuple[Constraint, ...] = (
        *PARAMETER_CONSTRAINTS,
        _TOO_LARGE,
        _TRAINED_OVERFLOW,
        POSITIONS,
    )
    int8_inputs = (0, 1)
    forward: type[TrainingConv] | None
    input_grad: type[ConvInputGrad]
    filter_update: type[ConvFilterUpdate]

    @abc.abstractmethod
    def geometry(self, operator: Operator) -> ConvGeometry:
        """Shapes, strides, dilations and padding of the layer."""

    @abc.abstractmethod
    def input_gradient_terms(self, geometry: ConvGeometry) -> int:
        """Products that meet in one int32 accumulator of the input gradient."""

    @abc.abstractmethod
    def outputs_that_meet(self, geometry: ConvGeometry) -> int:
        """Output channels whose gradients make that of one input channel."""

    @abc.abstractmethod
    def filter_by_input(self, weights: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
        """The weights as [outputs that meet, KH, KW, I]."""

    def filter_positions(self, geometry: ConvGeometry) -> int:
        """Products that make the gradient of one weight, one for each position of a map."""
        return _positions(geometry)

    def weight_bound(self, weights: np.ndarray, geometry: ConvGeometry) -> int:
        """The largest sum |w| that meets in one input; weights: [outputs that meet, KH, KW, I]."""
        strides = (geometry.stride_height, geometry.stride_width)
        return weight_bound(weights, strides, (geometry.dilation_height, geometry.dilation_width))

    def check(self, operator: Operator) -> Refusal | None:
        reason = check_parameters(operator)
        if reason:
            return reason
        geometry = self.geometry(operator)
        fields = dataclasses.asdict(geometry)
        extents = [value for name, value in fields.items() if not name.endswith("channels")]
        meeting = geometry.filter_height * geometry.filter_width * self.outputs_that_meet(geometry)
        if meeting * 128 > INT32_MAX // 2:  # an accumulator takes mantissas of at least one bit
            return _TOO_LARGE.broken(filter_of(operator))
        return check_extents(operator.output, *extents) or check_accumulator(operator)

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        geometry = self.geometry(operator)
        if update is not None and update.bias and _positions(geometry) > MAX_BIAS_POSITIONS:
            return 0
        if update is None or update.channels == 0:
            return super().output_gradient_bits(operator, update, limits)
        return filter_update_bits(self.filter_positions(geometry))

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        geometry = self.geometry(operator)
        weights = filter_of(operator)
        assert weights.data is not None
        multiplier, scale_factor = multiplier_and_scale(operator)
        minimum, maximum = mask_bounds(wanted.clamp)
        terms = self.input_gradient_terms(geometry)
        options = self.input_grad(
            **dataclasses.asdict(geometry),
            accumulator_bits=input_gradient_bits(terms, weight_limit(operator)),
            gradient_bits=wanted.gradient_bits,
            weight_bound=self.weight_bound(self.filter_by_input(weights.data, geometry), geometry),
            mask_min=minimum,
            mask_max=maximum,
            scale_factor=scale_factor,
        )
        masked_by = wanted.clamp.tensor if wanted.clamp else None
        return backward.emit_gradient(
            options,
            [gradient.mantissa, gradient.scale, weights, multiplier, masked_by, None],
            wanted.tensor,
            suffix=f"_from_{operator.output.name}",
            masked=masked_by is not None,
        )

    def update(
        self, operator: Operator, update: LayerUpdate, gradient: Gradient, backward: Backward
    ) -> None:
        geometry = self.geometry(operator)
        if forward_bias_limit(operator) < 0:
            raise NoGradientError(
                f"{operator.name} {operator.output} cannot be trained: {_TRAINED_OVERFLOW.broken()}"
            )
        if update.channels:
            options = self.filter_update(
                **dataclasses.asdict(geometry),
                input_zero_point=input_of(operator).zero_point,
                channels=update.channels,
                clamp=max(1, min(LARGEST_STEP, _STEP_POSITIONS // self.filter_positions(geometry))),
            )
            backward.emit(
                options,
                [
                    input_of(operator),
                    gradient.mantissa,
                    gradient.scale,
                    filter_of(operator),
                    backward.learning_rate,
                    filter_update_scale(operator),
                    backward.random_state,
                    None,
                ],
            )
        if update.bias:
            emit_bias_update(operator, _positions(geometry), gradient, backward)

    def macs(self, operator: Operator) -> int:
        return self.filter_positions(self.geometry(operator)) * filter_of(operator).elements


def _positions(geometry: ConvGeometry) -> int:
    return geometry.output_height * geometry.output_width
