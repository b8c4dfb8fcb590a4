"""Folds SPACE_TO_BATCH_ND, convolution, BATCH_TO_SPACE_ND into one dilated convolution.

    y = batch_to_space(conv(space_to_batch(pad(x), block)), crops)  =  conv(x, dilation = block)

TFLite's converter writes the long form where it does not recognise the pattern itself
(for a Conv1D with EXPAND_DIMS and RESHAPE inside it). A training map has batch 1, so the
short form is needed; it computes the same integers, since both pad with the zero point.
"""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from converter.model.graph import Graph, Operator, Tensor
from converter.model.schema import schema

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_VIEWS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


@dataclasses.dataclass(frozen=True)
class _Pattern:
    space_to_batch: Operator
    before: list[Operator]
    convolution: Operator
    after: list[Operator]
    batch_to_space: Operator


def fold_dilated_convolutions(graph: Graph) -> None:
    """Fold every occurrence that is exactly a dilated convolution; leave the others."""
    for operator in list(graph.operators):
        pattern = _match(graph, operator) if operator.name == "SPACE_TO_BATCH_ND" else None
        if pattern is not None:
            _fold(graph, pattern)


def _match(graph: Graph, space_to_batch: Operator) -> _Pattern | None:
    chain: list[Operator] = []
    operator = _sole_consumer(graph, space_to_batch)
    while operator is not None and operator.name != "BATCH_TO_SPACE_ND":
        if operator.is_custom or operator.name not in (*_CONVOLUTIONS, *_VIEWS):
            return None
        chain.append(operator)
        operator = _sole_consumer(graph, operator)
    places = [i for i, op in enumerate(chain) if op.name in _CONVOLUTIONS]
    if operator is None or len(places) != 1:
        return None
    place = places[0]
    return _Pattern(space_to_batch, chain[:place], chain[place], chain[place + 1 :], operator)


def _sole_consumer(graph: Graph, operator: Operator) -> Operator | None:
    consumers = graph.consumers(operator.output)
    is_output = any(t is operator.output for t in graph.outputs)
    return consumers[0] if len(consumers) == 1 and not is_output else None


def _constant(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.data


def _fold(graph: Graph, pattern: _Pattern) -> None:
    convolution = pattern.convolution
    options, weights = convolution.options, convolution.inputs[1]
    source, result = pattern.space_to_batch.inputs[0], pattern.batch_to_space.output
    block = _constant(pattern.space_to_batch.inputs[1])
    paddings = _constant(pattern.space_to_batch.inputs[2])
    crops = _constant(pattern.batch_to_space.inputs[2])
    assert source is not None and weights is not None
    plain = (
        options.strideH == options.strideW == 1
        and options.dilationHFactor == options.dilationWFactor == 1
        and options.padding == schema.Padding.VALID
    )
    if block is None or paddings is None or crops is None or not plain:
        return
    # Space-to-batch pads up to a multiple of the block; the crops take that part off again.
    padding = paddings.reshape(-1, 2) - crops.reshape(-1, 2)
    spatial = _spatial(pattern, len(block.reshape(-1)))
    if spatial is None:
        return
    dilations, pads, sizes = [1, 1], np.zeros((2, 2), np.int64), [1, 1]
    for axis, dilation, pad, size in zip(
        spatial, block.reshape(-1), padding, result.shape[1:], strict=False
    ):
        dilations[axis], pads[axis], sizes[axis] = int(dilation), pad, int(size)
    extents = [(k - 1) * d for k, d in zip(weights.shape[1:3], dilations, strict=True)]
    if not pads.any():
        kind = schema.Padding.VALID
    elif all(p.sum() == e and p[0] == e // 2 for p, e in zip(pads, extents, strict=True)):
        kind = schema.Padding.SAME
    else:
        return
    convolution.options = copy.copy(options)
    convolution.options.padding = kind
    convolution.options.dilationHFactor, convolution.options.dilationWFactor = dilations
    _rewire(graph, pattern, source, result, sizes)


def _spatial(pattern: _Pattern, rank: int) -> list[int] | None:
    """Which of the convolution's (height, width) each blocked axis is; None if unclear."""
    if not pattern.before and not pattern.after:
        return [0, 1] if rank == 2 else None
    if rank != 1 or len(pattern.before) != 1 or len(pattern.after) != 1:
        return None
    shape = pattern.before[0].output.shape
    if len(shape) != 4 or 1 not in shape[1:3]:
        return None
    return [1] if shape[1] == 1 else [0]


def _rewire(
    graph: Graph, pattern: _Pattern, source: Tensor, result: Tensor, sizes: list[int]
) -> None:
    convolution = pattern.convolution
    if pattern.before:
        expand, squeeze = pattern.before[0], pattern.after[0]
        axis_of_one = 1 if expand.output.shape[1] == 1 else 2
        expanded = list(source.shape)
        expanded.insert(axis_of_one, 1)
        expand.inputs[0] = source
        expand.output.shape = tuple(expanded)
        _set_target(expand)
        convolution.output.shape = (1, *sizes, convolution.output.shape[3])
        squeeze.outputs = [result]
        _set_target(squeeze)
    else:
        convolution.inputs[0] = source
        convolution.outputs = [result]
    graph.operators.remove(pattern.space_to_batch)
    graph.operators.remove(pattern.batch_to_space)


def _set_target(view: Operator) -> None:
    """The constant shape that a RESHAPE carries follows its output."""
    if view.name == "RESHAPE" and view.inputs[1] is not None:
        target = np.array(view.output.shape, np.int32)
        view.inputs[1] = dataclasses.replace(view.inputs[1], data=target, shape=target.shape)
