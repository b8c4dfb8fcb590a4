"""What the passes may take for granted: checks on a model that was just read.

A file can be a well-formed flatbuffer and still make no sense: an operator that reads what is
written later, a convolution without strides, a scale that is not a number. All of it is refused
here, once, so that no pass has to look again. Shapes that do not fit each other are left to the
rules (converter.rules.shapes): they matter only where gradients pass.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.errors import ConverterError
from converter.model.graph import Graph, Model, Operator, Tensor
from converter.model.schema import schema

_LARGEST_ELEMENTS = (1 << 31) - 1  # TFLite counts them in an int
_LONGEST_CUSTOM_CODE = 100
_QUANTIZED_TYPES = (np.int8, np.uint8, np.int16)


@dataclasses.dataclass(frozen=True)
class _Form:
    """How the schema describes a builtin operator that the converter looks into.

    inputs: the first so many must be there; most: so many at most; states: which others must be
    there, that it keeps from one call to the next; options: their name in the schema, if
    they are read; ranks: of the first inputs, None for any; output_rank: of the output.
    """

    inputs: int
    most: int
    options: str = ""
    ranks: tuple[int | None, ...] = ()
    output_rank: int | None = None
    states: tuple[int, ...] = ()


_CONVOLUTION_RANKS = (4, 4)
_MANY = 1 << 16
_FORMS = {
    "CONV_2D": _Form(2, 3, "Conv2DOptions", _CONVOLUTION_RANKS, 4),
    "DEPTHWISE_CONV_2D": _Form(2, 3, "DepthwiseConv2DOptions", _CONVOLUTION_RANKS, 4),
    "FULLY_CONNECTED": _Form(2, 3, "FullyConnectedOptions", (None, 2)),
    "TRANSPOSE_CONV": _Form(3, 4, "TransposeConvOptions", (None, 4, 4), 4),
    "AVERAGE_POOL_2D": _Form(1, 1, "Pool2DOptions", (4,), 4),
    "MAX_POOL_2D": _Form(1, 1, "Pool2DOptions", (4,), 4),
    "ADD": _Form(2, 2, "AddOptions"),
    "SUB": _Form(2, 2, "SubOptions"),
    "MUL": _Form(2, 2, "MulOptions"),
    "CONCATENATION": _Form(1, _MANY, "ConcatenationOptions"),
    "SOFTMAX": _Form(1, 1, "SoftmaxOptions"),
    "LEAKY_RELU": _Form(1, 1, "LeakyReluOptions"),
    "SVDF": _Form(3, 5, "SVDFOptions", (2, 2), states=(4,)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _Form(1, 24, states=(18, 19)),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), _Form(2, 2)),
    **dict.fromkeys(("PAD", "MIRROR_PAD", "EXPAND_DIMS", "GATHER"), _Form(2, 2)),
    **dict.fromkeys(("PADV2", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _Form(3, 3)),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "HARD_SWISH", "LOGISTIC"), _Form(1, 1)),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "LOG_SOFTMAX", "SQUEEZE", "SHAPE"), _Form(1, 1)),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), _Form(1, 1)),
    "RESHAPE": _Form(1, 2),
}


def check_model(model: Model, name: str) -> None:
    """Raises ConverterError for a model that no interpreter could run. name: for messages."""
    graph = model.graph
    fault = _order_fault(graph) or _signature_fault(model)
    for tensor in graph.tensors():
        fault = fault or _tensor_fault(tensor)
    for operator in graph.operators:
        fault = fault or _operator_fault(operator)
    if fault:
        raise ConverterError(f"{name}: {fault}; the file is damaged")


def _order_fault(graph: Graph) -> str | None:
    """Every tensor is written once, before it is read."""
    written: set[int] = set()
    for tensor in graph.inputs:
        if tensor.is_constant or id(tensor) in written:
            return f"graph input {tensor} is a constant or listed twice"
        written.add(id(tensor))

    def is_there(tensor: Tensor) -> bool:
        return tensor.is_constant or tensor.is_variable or id(tensor) in written

    for operator in graph.operators:
        for source in operator.inputs:
            # A tensor without elements has no content either.
            if source is not None and not is_there(source) and source.elements != 0:
                return f"{operator.name} reads {source} before it is written"
        for tensor in operator.outputs:
            if tensor.is_constant or id(tensor) in written:
                return f"{operator.name} writes {tensor}, which has a content already"
            if not tensor.is_variable:
                written.add(id(tensor))
    for tensor in graph.outputs:
        if not is_there(tensor):
            return f"graph output {tensor} is never written"
    return None


def _signature_fault(model: Model) -> str | None:
    ends = {id(tensor) for tensor in (*model.graph.inputs, *model.graph.outputs)}
    for signature in model.signatures:
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            if id(tensor) not in ends:
                return f"a signature names {tensor}, which is no input or output"
    return None


def _tensor_fault(tensor: Tensor) -> str | None:
    if not tensor.is_constant and abs(tensor.elements) > _LARGEST_ELEMENTS:
        return f"tensor {tensor} has more than {_LARGEST_ELEMENTS} elements"
    signature = tensor.shape_signature
    if signature is not None and len(signature) not in (0, len(tensor.shape)):
        return f"tensor {tensor} has a shape signature of {len(signature)} dimensions"
    quantization = tensor.quantization
    if quantization is None:
        return None
    scale, zero_point = quantization.scale, quantization.zero_point
    if not np.isfinite(scale).all():
        return f"tensor {tensor} has a scale that is no number"
    if zero_point.size not in (1, scale.size):
        return f"tensor {tensor} has {scale.size} scales and {zero_point.size} zero points"
    # The dtype of a type that NumPy lacks is a placeholder.
    is_known = tensor.tensor_type is None and tensor.dtype in _QUANTIZED_TYPES
    limits = np.iinfo(tensor.dtype if is_known else np.int32)
    if (zero_point < limits.min).any() or (zero_point > limits.max).any():
        return f"tensor {tensor} has a zero point that its type cannot hold"
    if scale.size > 1 and scale.size != _channels(tensor, quantization.quantized_dimension):
        return f"tensor {tensor} has {scale.size} scales, which are not those of its channels"
    return None


def _channels(tensor: Tensor, axis: int) -> int:
    """Biases may name the axis of the filter, which they lack."""
    if len(tensor.shape) == 1:
        axis = 0
    return tensor.shape[axis] if 0 <= axis < len(tensor.shape) else 0


def _operator_fault(operator: Operator) -> str | None:
    if operator.is_custom:
        code = operator.name
        if not code.isprintable() or not 0 < len(code) <= _LONGEST_CUSTOM_CODE:
            return "a custom operator has no name that can be printed"
        return None
    form = _FORMS.get(operator.name)
    if form is None:
        return None
    name, inputs = operator.name, operator.inputs
    if not form.inputs <= len(inputs) <= form.most or None in inputs[: form.inputs]:
        return f"{name} lacks an input or has {len(inputs)} of them"
    if len(operator.outputs) != 1:
        return f"{name} has {len(operator.outputs)} outputs"
    if any(len(inputs) <= i or inputs[i] is None for i in form.states):
        return f"{name} lacks its state"
    if form.options and not isinstance(operator.options, getattr(schema, f"{form.options}T")):
        return f"{name} {operator.output} has no {form.options}"
    tensors = [*zip(inputs, form.ranks, strict=False), (operator.output, form.output_rank)]
    for tensor, rank in tensors:
        if tensor is not None and rank is not None and len(tensor.shape) != rank:
            return f"{name} takes {tensor} with {rank} dimensions"
    for tensor in operator.tensors():
        if not tensor.shape and form.options and name not in ("ADD", "SUB", "MUL"):
            return f"{name} takes {tensor} without dimensions"
    return None
