"""Which outputs may lie where an input lies that the operator reads for the last time.

A kernel that reads element i of an input before it writes element i of its output, in
ascending order, may overwrite what it has read: the output may start at the input's place
or below it. How far below is the sharing's `distance`: 0 where both have elements of one
size; where the output's are larger it grows faster than the input is read, and the distance
makes up for that. A kernel that writes a map row by row, and for a row reads only the rows
of another map that reach it, may do so too, some rows apart; one that takes some pixels at a
time, which may lie in two rows, likewise. The kernels that are listed
here were read for it: TFLite Micro's reference kernels, those of CMSIS-NN, and the
project's own, which are bound to it.

A view has its input's content, so both may be one piece of memory as long as either lives.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from converter.ir.training_ops import (
    ActivationGrad,
    AveragePool2DGrad,
    Conv2DInputGrad,
    ConvInputGrad,
    DepthwiseConv2DInputGrad,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
    MeanGrad,
    TrainingConv,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
    TransposeConvInputGrad,
)
from converter.memory.tensor_bytes import tensor_bytes
from converter.model import Operator, Tensor

# Their kernels copy the content (with memcpy, which compilers rely on to accept equal
# pointers too, or element by element) or skip it where the pointers are equal.
_VIEWS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
_INT8 = np.dtype(np.int8)
_UINT8 = np.dtype(np.uint8)

# Pixels, wherever they lie, that CONV_2D_INPUT_GRAD of a pointwise layer writes before it
# reads the next ones: kMaxColumns in kernels/conv_2d_grad/conv_2d_grad_dsp.cc.
_POINTWISE_PIXELS = 8


@dataclasses.dataclass(frozen=True)
class Sharing:
    """`output` may overlap `source` if it starts at least `distance` bytes below it:
    offset(source) - offset(output) >= distance."""

    source: Tensor
    output: Tensor
    distance: int


def view(operator: Operator) -> tuple[Tensor, Tensor] | None:
    """(input, output) of an operator whose output is its input under another shape."""
    if operator.is_custom or operator.name not in _VIEWS:
        return None
    source, output = operator.inputs[0], operator.output
    if source is None or tensor_bytes(source) != tensor_bytes(output):
        return None
    return source, output


def sharings(operator: Operator) -> list[Sharing]:
    """Every sharing that the operator's kernel allows; the planner checks that the source
    is not needed any more."""
    rules = _CUSTOM if operator.is_custom else _BUILTIN
    rule = rules.get(operator.name)
    return [] if rule is None else rule(operator)


def _streamed(operator: Operator, source_index: int, output_index: int = 0) -> list[Sharing]:
    """A sharing for an input that is read in step with the output: at the same fraction of
    its length, or later."""
    source, output = operator.inputs[source_index], operator.outputs[output_index]
    if source is None:
        return []
    return [Sharing(source, output, max(0, tensor_bytes(output) - tensor_bytes(source)))]


def _elementwise(operator: Operator) -> list[Sharing]:
    """Operators on int8 tensors of one shape, without broadcasting."""
    output = operator.output
    sources = [t for t in operator.inputs if t is not None]
    if any(t.shape != output.shape or t.dtype != _INT8 for t in (*sources, output)):
        return []
    return [Sharing(source, output, 0) for source in sources]


def _mul(operator: Operator) -> list[Sharing]:
    """On int8 tensors; an operand that is broadcast does not share."""
    output = operator.output
    sources = [t for t in operator.inputs if t is not None]
    if any(t.dtype != _INT8 for t in (*sources, output)):
        return []
    return [Sharing(source, output, 0) for source in sources if source.shape == output.shape]


def _gradient(operator: Operator) -> list[Sharing]:
    """Inputs [gradient, gradient_scale, masked_by or a saved activation]. The scale is read
    first, written last."""
    return [*_streamed(operator, 0), *_streamed(operator, 1, 1), *_streamed(operator, 2)]


def _gradient_slice(operator: Operator) -> list[Sharing]:
    """The box is read in ascending order and never lies below its own copy."""
    gradient = operator.inputs[0]
    assert gradient is not None
    copy = Sharing(gradient, operator.output, 0)
    return [copy, *_streamed(operator, 1, 1), *_streamed(operator, 2)]


def _gradient_add(operator: Operator) -> list[Sharing]:
    terms = [*_streamed(operator, 0), *_streamed(operator, 2)]
    scales = [*_streamed(operator, 1, 1), *_streamed(operator, 3, 1)]
    return [*terms, *scales, *_streamed(operator, 4)]


def _gradient_mul(operator: Operator) -> list[Sharing]:
    """Inputs [gradient, gradient_scale, other, masked_by]. A sum is read twice, so it shares
    nothing but the scale; `other` is read in step where it is not broadcast."""
    scale = _streamed(operator, 1, 1)
    gradient, other, output = operator.inputs[0], operator.inputs[2], operator.output
    assert gradient is not None
    if gradient.elements != output.elements:
        return scale
    whole = other is not None and other.elements == output.elements
    found = [*_streamed(operator, 0), *scale, *_streamed(operator, 3)]
    return found + (_streamed(operator, 2) if whole else [])


def _average_pool_2d_grad(operator: Operator) -> list[Sharing]:
    options = AveragePool2DGrad.unpack(operator.custom_options or b"")
    reach = options.filter_height - 1 - options.padding_top
    return _map_gradient(operator, options, reach, masked_by=2)


def _conv_input_grad(options_type: type[ConvInputGrad]) -> _Rule:
    def rule(operator: Operator) -> list[Sharing]:
        options = options_type.unpack(operator.custom_options or b"")
        if options_type is Conv2DInputGrad and _is_pointwise(options):
            return _pointwise_gradient(operator, options)
        reach = (options.filter_height - 1) * options.dilation_height - options.padding_top
        return _map_gradient(operator, options, reach, masked_by=4)

    return rule


def _is_pointwise(options: ConvInputGrad) -> bool:
    return (
        options.filter_height == options.filter_width == 1
        and options.stride_height == options.stride_width == 1
        and options.padding_top == options.padding_left == 0
        and options.input_height == options.output_height
        and options.input_width == options.output_width
    )


def _pointwise_gradient(operator: Operator, options: ConvInputGrad) -> list[Sharing]:
    """As _map_gradient, pixels in place of rows: _POINTWISE_PIXELS are written while the
    first of them is still read."""
    gradient, mask, output = operator.inputs[0], operator.inputs[4], operator.output
    assert gradient is not None
    pixels = options.input_height * options.input_width
    needed = [pixel - pixel % _POINTWISE_PIXELS for pixel in range(pixels)]
    sources = [gradient] if mask is None else [gradient, mask]
    found = [_row_by_row(source, pixels, output, needed) for source in sources]
    return [*found, *_streamed(operator, 1, 1)]


def _map_gradient(
    operator: Operator, options: AveragePool2DGrad | ConvInputGrad, reach: int, masked_by: int
) -> list[Sharing]:
    """Inputs [gradient [1, OH, OW, O], gradient_scale, ...], outputs [gradient [1, H, W, I],
    gradient_scale]. Row y is written from the rows of `gradient` whose windows hold it: none
    begins more than `reach` rows above y, counted in rows of the output."""
    gradient, mask, output = operator.inputs[0], operator.inputs[masked_by], operator.output
    assert gradient is not None
    height = options.input_height
    needed = [-((reach - y) // options.stride_height) for y in range(height)]
    found = [_row_by_row(gradient, options.output_height, output, needed)]
    if mask is not None:
        found.append(_row_by_row(mask, height, output, range(height)))
    return [*found, *_streamed(operator, 1, 1)]


def _transpose_conv_input_grad(operator: Operator) -> list[Sharing]:
    """Inputs and outputs as of _conv_input_grad. Row y is written from the rows of `gradient`
    that a window at y * stride - padding holds."""
    options = TransposeConvInputGrad.unpack(operator.custom_options or b"")
    gradient, mask, output = operator.inputs[0], operator.inputs[4], operator.output
    assert gradient is not None
    rows = range(options.input_height)
    needed = [y * options.stride_height - options.padding_top for y in rows]
    found = [_row_by_row(gradient, options.output_height, output, needed)]
    if mask is not None:
        found.append(_row_by_row(mask, options.input_height, output, rows))
    return [*found, *_streamed(operator, 1, 1)]


def _training_conv(options_type: type[TrainingConv]) -> _Rule:
    """Inputs [input [1, H, W, I], ...], outputs [output [1, OH, OW, O], ...]. What an operator
    saves of its input it saves at the end, so then the input has to be there still."""

    def rule(operator: Operator) -> list[Sharing]:
        source = operator.inputs[0]
        if source is None or len(operator.outputs) > 1:
            return []
        options = options_type.unpack(operator.custom_options or b"")
        rows = range(options.output_height)
        needed = [y * options.stride_height - options.padding_top for y in rows]
        return [_row_by_row(source, options.input_height, operator.output, needed)]

    return rule


def _row_by_row(source: Tensor, height: int, output: Tensor, needed: Sequence[int]) -> Sharing:
    """For a kernel that writes the rows of a map one after the other. needed: for each row of
    `output` the first of the `height` rows of `source` that it, or one after it, reads."""
    bits = math.prod(output.shape) if source.dtype == _UINT8 else 0
    distance = _distance(tensor_bytes(source), bits, tensor_bytes(output), height, tuple(needed))
    return Sharing(source, output, distance)


@functools.lru_cache(maxsize=1024)  # a search asks for the same layers again and again
def _distance(
    source_bytes: int, bits: int, output_bytes: int, height: int, needed: tuple[int, ...]
) -> int:
    """bits: of a source that has one for each element of the output, else 0."""
    row = output_bytes // len(needed)
    distance = 0
    for y, first in enumerate(needed):
        if first < height:
            read = max(0, first) * source_bytes // height
            if bits:
                read = max(0, first) * (bits // height) // 8
            distance = max(distance, (y + 1) * row - read)
    return distance


_Rule = Callable[[Operator], list[Sharing]]

_BUILTIN: Mapping[str, _Rule] = {
    **dict.fromkeys(("ADD", "SUB", "QUANTIZE", "RELU", "RELU6"), _elementwise),
    **dict.fromkeys(("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "TANH"), _elementwise),
    "MUL": _mul,
}

_CUSTOM: Mapping[str, _Rule] = {
    ActivationGrad.CUSTOM_CODE: _gradient,
    AveragePool2DGrad.CUSTOM_CODE: _average_pool_2d_grad,
    Conv2DInputGrad.CUSTOM_CODE: _conv_input_grad(Conv2DInputGrad),
    DepthwiseConv2DInputGrad.CUSTOM_CODE: _conv_input_grad(DepthwiseConv2DInputGrad),
    GradientAdd.CUSTOM_CODE: _gradient_add,
    GradientMask.CUSTOM_CODE: _gradient,
    GradientMul.CUSTOM_CODE: _gradient_mul,
    GradientSlice.CUSTOM_CODE: _gradient_slice,
    MeanGrad.CUSTOM_CODE: _gradient,
    TrainingConv2D.CUSTOM_CODE: _training_conv(TrainingConv2D),
    TrainingDepthwiseConv2D.CUSTOM_CODE: _training_conv(TrainingDepthwiseConv2D),
    TransposeConvInputGrad.CUSTOM_CODE: _transpose_conv_input_grad,
}
