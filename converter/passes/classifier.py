"""Replaces the classifier of a model by a fresh one of N classes."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.errors import ConverterError
from converter.model.graph import Graph, Operator, Quantization, Tensor
from converter.passes.loss import Head
from converter.rules.convolution import bias_of, filter_of, input_of

_CLASSIFIERS = ("FULLY_CONNECTED", "CONV_2D")
_VIEWS = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
# Fresh weights are small beside what the old classifier's scale can hold, so that they
# neither drown the first gradients nor run into the ends of int8 while they grow.
_INITIAL_LSB = 8


def replace_classifier(graph: Graph, head: Head, num_classes: int, seed: int = 0) -> None:
    """Give the model `num_classes` outputs; the old classifier's weights are dropped.

    The new filter has the old one's per-tensor scale (the range that trained weights of these
    features need), the logits the old scale with zero point 0. Raises ConverterError if
    the operator before the logits is no classifier.
    """
    if num_classes < 2:
        raise ConverterError(f"--num_classes {num_classes}: a classifier needs at least 2 classes")
    chain: list[Operator] = []
    operator = graph.producer(head.logits)
    while operator is not None and operator.name in _VIEWS:
        chain.insert(0, operator)
        operator = graph.producer(input_of(operator))
    if operator is None or operator.name not in _CLASSIFIERS:
        found = "a graph input" if operator is None else f"{operator.name} {operator.output}"
        raise ConverterError(
            f"--num_classes: the logits come from {found}, not from a FULLY_CONNECTED or a CONV_2D"
        )
    if operator.name == "CONV_2D" and operator.output.shape[1:3] != (1, 1):
        raise ConverterError(
            f"--num_classes: CONV_2D {operator.output} has more than one position, so it is no "
            "classifier"
        )
    old_classes = operator.output.shape[-1]
    _replace_parameters(operator, num_classes, np.random.default_rng(seed))
    _resize_outputs(graph, operator, chain, head, old_classes, num_classes)


def _replace_parameters(operator: Operator, num_classes: int, rng: np.random.Generator) -> None:
    weights, bias = filter_of(operator), bias_of(operator)
    assert weights.quantization is not None
    scale = float(np.median(weights.quantization.scale))
    shape = (num_classes, *weights.shape[1:])
    initial = rng.integers(-_INITIAL_LSB, _INITIAL_LSB + 1, shape).astype(np.int8)
    new_filter = Tensor(
        weights.name, shape, weights.dtype, Quantization.per_tensor(scale, 0), initial
    )
    bias_scale = scale * input_of(operator).scale
    new_bias = Tensor(
        bias.name if bias is not None else f"{weights.name}/bias",
        (num_classes,),
        np.dtype(np.int32),
        Quantization.per_tensor(bias_scale, 0),
        np.zeros(num_classes, np.int32),
    )
    operator.inputs = [operator.inputs[0], new_filter, new_bias]


def _resize_outputs(
    graph: Graph, operator: Operator, chain: list[Operator], head: Head, old: int, new: int
) -> None:
    scale = head.logits.scale
    resized: list[Tensor] = [operator.output, *(op.output for op in chain)]
    for tensor in resized:
        tensor.quantization = Quantization.per_tensor(scale, 0)
    for view in chain:
        shape = view.inputs[1] if len(view.inputs) > 1 else None
        if shape is not None and shape.data is not None and view.name == "RESHAPE":
            values = np.where(shape.data == old, new, shape.data).astype(shape.dtype)
            view.inputs[1] = dataclasses.replace(shape, data=values)
        given = getattr(view.options, "newShape", None)
        if given is not None:
            view.options.newShape = np.where(np.asarray(given) == old, new, given).astype(np.int32)
    # Everything behind the logits (SOFTMAX, DEQUANTIZE, views) keeps its own quantisation.
    behind = list(resized)
    for later in graph.operators[graph.operators.index(operator) + 1 :]:
        if any(t is source for t in later.inputs for source in behind):
            behind += later.outputs
    for tensor in {id(t): t for t in behind}.values():
        if tensor.shape[-1] != old:
            raise ConverterError(
                f"--num_classes: tensor {tensor} behind the classifier does not end in {old} "
                "classes"
            )
        tensor.shape = (*tensor.shape[:-1], new)
        tensor.shape_signature = None
