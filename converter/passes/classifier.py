"""Gives a model other classes: a fresh classifier, or room for more in the one it has."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from converter.errors import ConverterError
from converter.model.graph import Graph, Operator, Quantization, Tensor
from converter.passes.loss import SOFTMAX_CROSS_ENTROPY, Head
from converter.rules import refusal
from converter.rules.convolution import bias_of, filter_of, input_of

_CLASSIFIERS = ("FULLY_CONNECTED", "CONV_2D")
_VIEWS = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
# Fresh weights are small beside what the old classifier's scale can hold, so that they
# neither drown the first gradients nor run into the ends of int8 while they grow.
_INITIAL_LSB = 8


def resize_classifier(
    graph: Graph, head: Head, num_classes: int | None, spare_classes: int = 0, seed: int = 0
) -> None:
    """Give the model other outputs.

    num_classes: that many fresh ones, the old classifier's weights are dropped; None keeps
    the old ones as they are. spare_classes: so many more, for classes to come; without a
    weight and with the lowest logit, so that they are predicted only once they were trained.

    A fresh filter has the old one's per-tensor scale (the range that trained weights of these
    features need), its logits the old scale with zero point 0. Raises ConverterError if
    the operator before the logits is no classifier.
    """
    if num_classes is not None and num_classes < 2:
        raise ConverterError(f"--num_classes {num_classes}: a classifier needs at least 2 classes")
    if spare_classes < 0:
        raise ConverterError(f"--spare_classes {spare_classes}: must be 0 or larger")
    if head.loss != SOFTMAX_CROSS_ENTROPY and spare_classes:
        raise ConverterError(
            f"--spare_classes: needs the loss softmax_cross_entropy, this model has {head.loss}"
        )
    option = "--num_classes" if num_classes is not None else "--spare_classes"
    operator, chain = _find_classifier(graph, head, option)
    old_classes = operator.output.shape[-1]
    kept = old_classes
    if num_classes is not None:
        kept = num_classes
        _replace_parameters(operator, num_classes, np.random.default_rng(seed))
        for tensor in (operator.output, *(view.output for view in chain)):
            tensor.quantization = Quantization.per_tensor(head.logits.scale, 0)
    if spare_classes:
        _append_classes(operator, spare_classes)
    _resize_outputs(graph, operator, chain, old_classes, kept + spare_classes, option)


def _find_classifier(graph: Graph, head: Head, option: str) -> tuple[Operator, list[Operator]]:
    """The classifier and the views between it and the logits."""
    chain: list[Operator] = []
    operator = graph.producer(head.logits)
    while operator is not None and operator.name in _VIEWS:
        chain.insert(0, operator)
        operator = graph.producer(input_of(operator))
    if operator is None or operator.name not in _CLASSIFIERS:
        found = "a graph input" if operator is None else f"{operator.name} {operator.output}"
        raise ConverterError(
            f"{option}: the logits come from {found}, not from a FULLY_CONNECTED or a CONV_2D"
        )
    if operator.name == "CONV_2D" and operator.output.shape[1:3] != (1, 1):
        raise ConverterError(
            f"{option}: CONV_2D {operator.output} has more than one position, so it is no "
            "classifier"
        )
    reason = refusal(operator)
    if reason:
        raise ConverterError(f"{option}: {operator.name} {operator.output}: {reason}")
    return operator, chain


def _replace_parameters(operator: Operator, num_classes: int, rng: np.random.Generator) -> None:
    weights = filter_of(operator)
    assert weights.quantization is not None
    scale = float(np.median(weights.quantization.scale))
    shape = (num_classes, *weights.shape[1:])
    initial = rng.integers(-_INITIAL_LSB, _INITIAL_LSB + 1, shape).astype(np.int8)
    new_filter = Tensor(
        weights.name, shape, weights.dtype, Quantization.per_tensor(scale, 0), initial
    )
    bias_scale = scale * input_of(operator).scale
    _set_parameters(operator, new_filter, np.zeros(num_classes, np.int32), [bias_scale])


def _append_classes(operator: Operator, count: int) -> None:
    weights, bias = filter_of(operator), bias_of(operator)
    quantization = weights.quantization
    assert weights.data is not None and quantization is not None
    median = np.float32(np.median(quantization.scale))
    scales = np.append(np.broadcast_to(quantization.scale, weights.shape[:1]), [median] * count)
    new_filter = dataclasses.replace(
        weights,
        shape=(weights.shape[0] + count, *weights.shape[1:]),
        data=np.concatenate([weights.data, np.zeros((count, *weights.shape[1:]), np.int8)]),
        quantization=quantization,
    )
    if quantization.scale.size > 1:
        new_filter.quantization = Quantization(
            scales.astype(np.float32), np.zeros(scales.size, np.int64), 0
        )
    else:
        scales = np.broadcast_to(quantization.scale, scales.shape)
    bias_scales = scales.astype(np.float64) * input_of(operator).scale
    lowest = operator.output.scale * (-128 - operator.output.zero_point)
    old = np.zeros(weights.shape[0], np.int32) if bias is None else bias.data
    assert old is not None
    spare = np.round(lowest / bias_scales[-count:]).astype(np.int32)
    _set_parameters(operator, new_filter, np.append(old, spare), bias_scales)


def _set_parameters(
    operator: Operator, new_filter: Tensor, bias: np.ndarray, bias_scales: ArrayLike
) -> None:
    old = bias_of(operator)
    name = f"{new_filter.name}/bias" if old is None else old.name
    scale = np.unique(bias_scales) if np.unique(bias_scales).size == 1 else np.array(bias_scales)
    quantization = Quantization(scale.astype(np.float32), np.zeros(scale.size, np.int64), 0)
    new_bias = Tensor(name, bias.shape, bias.dtype, quantization, bias)
    operator.inputs = [operator.inputs[0], new_filter, new_bias]


def _resize_outputs(
    graph: Graph, operator: Operator, chain: list[Operator], old: int, new: int, option: str
) -> None:
    resized: list[Tensor] = [operator.output, *(op.output for op in chain)]
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
                f"{option}: tensor {tensor} behind the classifier does not end in {old} classes"
            )
        tensor.shape = (*tensor.shape[:-1], new)
        tensor.shape_signature = None
