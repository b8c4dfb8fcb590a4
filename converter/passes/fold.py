"""Folds what is constant at batch 1.

TFLite's converter keeps the batch dynamic and computes the target of a Flatten at run time
(SHAPE, STRIDED_SLICE, PACK, RESHAPE). At batch 1 every one of those values is known. The
shapes that the file states behind such a RESHAPE are placeholders; LiteRT finds the true
ones by running the model once.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converter.errors import ConverterError
from converter.model.graph import Graph, Model, Operator, Tensor
from converter.model.schema import schema
from converter.model.writer import write_model

# Constants of shape arithmetic are tiny; larger ones are weights, which stay as they are.
_LARGEST_FOLDED_ELEMENTS = 1024


def fold_constants(graph: Graph) -> None:
    """Replace operators whose results are known at conversion by constants, and give
    RESHAPE a plain constant shape."""
    _fix_batch(graph)
    if any(op.name == "SHAPE" and not op.is_custom for op in graph.operators):
        _infer_shapes(graph)
    for operator in list(graph.operators):
        if operator.name == "SHAPE" and operator.inputs[0] is not None:
            shape = np.array(operator.inputs[0].shape, operator.output.dtype)
            _make_constant(graph, operator, [shape])
        elif _is_foldable(operator):
            _make_constant(graph, operator, _evaluate(operator))
    for operator in graph.operators:
        if operator.name == "RESHAPE" and not operator.is_custom:
            _fix_reshape(operator)


def _fix_batch(graph: Graph) -> None:
    for tensor in graph.inputs:
        signature = tensor.shape_signature or tensor.shape
        if any(d < 0 for d in tensor.shape) or (
            any(s < 0 and d != 1 for s, d in zip(signature, tensor.shape, strict=True))
        ):
            raise ConverterError(
                f"input {tensor} has dynamic dimensions {signature} that are not 1; export the "
                "model with a fixed input shape and batch 1"
            )
    for tensor in graph.tensors():
        tensor.shape_signature = None


def _interpreter(graph: Graph) -> Interpreter:
    return Interpreter(
        model_content=write_model(Model(graph)),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )


def _infer_shapes(graph: Graph) -> None:
    """Give every tensor the shape that it has at batch 1."""
    try:
        interpreter = _interpreter(graph)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise ConverterError(
            f"the shapes of this model are computed at run time, and LiteRT cannot run it to find "
            f"them: {str(error).splitlines()[0]}; export the model with batch 1"
        ) from error
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    for index, tensor in enumerate(graph.tensors()):
        if not tensor.is_constant and index in details:
            tensor.shape = tuple(int(d) for d in details[index]["shape"])


def _is_foldable(operator: Operator) -> bool:
    return (
        not operator.is_custom
        and bool(operator.inputs)
        and all(t is not None and t.is_constant and not t.is_variable for t in operator.inputs)
        and all(
            t.dtype.kind in "iu"
            and t.dtype.itemsize >= 4
            and t.elements <= _LARGEST_FOLDED_ELEMENTS
            for t in operator.outputs
        )
    )


def _evaluate(operator: Operator) -> list[np.ndarray]:
    """Run one operator with constant inputs in LiteRT."""
    try:
        interpreter = _interpreter(Graph([], list(operator.outputs), [operator]))
        interpreter.allocate_tensors()
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    except (RuntimeError, ValueError) as error:
        raise ConverterError(
            f"{operator.name} {operator.output} cannot be evaluated at conversion: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _make_constant(graph: Graph, operator: Operator, values: list[np.ndarray]) -> None:
    for tensor, value in zip(operator.outputs, values, strict=True):
        tensor.data = np.asarray(value, tensor.dtype)
        tensor.shape = tensor.data.shape
    graph.operators.remove(operator)


def _fix_reshape(operator: Operator) -> None:
    """At batch 1 the output's shape is the target; older files give it in the options only."""
    target = np.array(operator.output.shape, np.int32)
    given = operator.inputs[1] if len(operator.inputs) > 1 else None
    if given is not None and given.data is not None and np.array_equal(given.data, target):
        return
    if given is not None and not given.is_constant:
        raise ConverterError(
            f"RESHAPE {operator.output} takes its shape from {given}, which is computed from "
            "data; export the model with static shapes"
        )
    operator.inputs = [
        operator.inputs[0],
        Tensor(f"{operator.output.name}/shape", target.shape, target.dtype, data=target),
    ]
    operator.options = schema.ReshapeOptionsT()
    operator.options.newShape = target
    operator.options_type = schema.BuiltinOptions.ReshapeOptions
