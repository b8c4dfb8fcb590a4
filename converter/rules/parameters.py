"""The parameters of CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV, and what they
must keep to."""

from __future__ import annotations

import numpy as np

from converter.ir.activation import SUPPORTED_ACTIVATIONS
from converter.ir.bounds import (
    INT32_MAX,
    MAX_EXTENT,
    MAX_OPERAND,
    MAX_WEIGHT,
    bias_limit,
    forward_sum,
    largest_weight,
)
from converter.ir.requantisation import MAX_SHIFT, requantisation_tables
from converter.model.graph import Operator, Tensor
from converter.rules.constraint import ACTIVATION, BATCH, EXTENT, Constraint, Refusal

_CONSTANT = Constraint("filter ... is not constant; only constant filters have a gradient")
_ZERO_POINT = Constraint("filter ... has a zero point other than 0; quantise weights symmetrically")
_BIAS = Constraint("bias ... is not int32; quantise the model to full int8")
_OUTPUT_SCALE = Constraint("the scale of output ... is too small for its int32 accumulator")
_OVERFLOWS = Constraint("filter ... overflows the int32 accumulator")
_TRANSPOSED = "TRANSPOSE_CONV"
PARAMETER_CONSTRAINTS = (
    _CONSTANT,
    _ZERO_POINT,
    _BIAS,
    ACTIVATION,
    BATCH,
    EXTENT,
    _OUTPUT_SCALE,
    _OVERFLOWS,
)


def filter_of(operator: Operator) -> Tensor:
    weights = operator.inputs[1]
    assert weights is not None
    return weights


def bias_of(operator: Operator) -> Tensor | None:
    place = 3 if operator.name == _TRANSPOSED else 2
    return operator.inputs[place] if len(operator.inputs) > place else None


def input_of(operator: Operator) -> Tensor:
    """The map that the layer reads. TRANSPOSE_CONV has it behind the output's shape and the
    filter."""
    tensor = operator.inputs[2 if operator.name == _TRANSPOSED else 0]
    assert tensor is not None
    return tensor


def same_padding(size: int, extent: int, stride: int, output: int) -> int:
    """What SAME puts in front of an axis of `size`, for a window that covers `extent` of it
    (TFLite's ComputePaddingHeightWidth)."""
    return max(0, (output - 1) * stride + extent - size) // 2


def check_parameters(operator: Operator) -> Refusal | None:
    """Why the operator's filter, bias or activation cannot be trained or differentiated."""
    source, weights, bias = input_of(operator), filter_of(operator), bias_of(operator)
    if not (weights.is_constant or weights.is_variable):
        return _CONSTANT.broken(weights)
    if np.any(weights.quantization.zero_point != 0):  # type: ignore[union-attr]
        return _ZERO_POINT.broken(weights)
    if bias is not None and bias.dtype != np.int32:
        return _BIAS.broken(bias)
    activation = int(operator.options.fusedActivationFunction)
    if activation not in SUPPORTED_ACTIVATIONS:
        return ACTIVATION.broken(activation)
    if source.shape[0] != 1 and operator.name != "FULLY_CONNECTED":
        return BATCH.broken(source, source.shape[0])
    return None


def weight_scales(operator: Operator) -> np.ndarray:
    """Filter scales, float32 [O], or [1] if quantised per tensor."""
    scale = filter_of(operator).quantization.scale  # type: ignore[union-attr]
    return np.asarray(scale, np.float32)


def forward_bias_limit(operator: Operator) -> int:
    """The largest |bias| that the forward accumulator has room for (see bounds.bias_limit)."""
    _, shifts = requantisation_tables(
        input_of(operator).scale,
        weight_scales(operator).max(keepdims=True),
        operator.output.scale,
        operator.name == "FULLY_CONNECTED" and weight_scales(operator).size == 1,
    )
    return bias_limit(_forward_products(operator), int(shifts[0]), weight_limit(operator))


def weight_limit(operator: Operator) -> int:
    """The largest |w| that the filter has or can come to."""
    data = filter_of(operator).data
    return MAX_WEIGHT if data is None else largest_weight(data)


def _forward_products(operator: Operator) -> int:
    """Products that meet in one output; with the strides of TRANSPOSE_CONV it may be fewer."""
    weights = filter_of(operator)
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    return int(np.prod(weights.shape[1:3] if depthwise else weights.shape[1:]))


def check_accumulator(operator: Operator) -> Refusal | None:
    """Why the forward operator's sums do not fit its integers, or None if they do."""
    scale = float(weight_scales(operator).max()) * input_of(operator).scale
    if scale / operator.output.scale >= 2.0**MAX_SHIFT:
        return _OUTPUT_SCALE.broken(operator.output)
    data, products = filter_of(operator).data, _forward_products(operator)
    if data is not None and products * MAX_OPERAND * 128 > INT32_MAX:
        depthwise = operator.name == "DEPTHWISE_CONV_2D"
        rows = data.reshape(products, -1).T if depthwise else data.reshape(-1, products)
        if forward_sum(rows) > INT32_MAX:
            return _OVERFLOWS.broken(filter_of(operator))
    return None


def check_extents(tensor: Tensor, *extents: int) -> Refusal | None:
    """Why the kernels could not index a map of these heights, widths, strides and dilations."""
    if max(extents) > MAX_EXTENT:
        return EXTENT.broken(max(extents), tensor)
    return None
