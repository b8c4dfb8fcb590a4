"""Folds SPACE_TO_BATCH_ND, convolution, BATCH_TO_SPACE_ND into one dilated convolution.

    y = batch_to_space(conv(space_to_batch(pad(x), block)), crops)  =  conv(x, dilation = block)

TFLite's converter writes the long form where it does not recognise the pattern itself. A
training map has batch 1, so the short form is needed; it computes the same integers,
since the padding is the zero point in both.
"""

from __future__ import annotations

import copy

from converter.model.graph import Graph, Operator
from converter.model.schema import schema

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_VIEWS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def fold_dilated_convolutions(graph: Graph) -> None:
    for operator in list(graph.operators):
        if operator.name == "SPACE_TO_BATCH_ND":
            _fold(graph, operator)


def _sole_consumer(graph: Graph, operator: Operator) -> Operator | None:
    consumers = graph.consumers(operator.output)
    is_output = any(t is operator.output for t in graph.outputs)
    return consumers[0] if len(consumers) == 1 and not is_output else None


def _fold(graph: Graph, space_to_batch: Operator) -> None:
    chain: list[Operator] = []
    operator = _sole_consumer(graph, space_to_batch)
    while operator is not None and operator.name != "BATCH_TO_SPACE_ND":
        if operator.name not in (*_CONVOLUTIONS, *_VIEWS):
            return
        chain.append(operator)
        operator = _sole_consumer(graph, operator)
    convolutions = [op for op in chain if op.name in _CONVOLUTIONS]
    if operator is None or len(convolutions) != 1:
        return
    batch_to_space, convolution = operator, convolutions[0]
    block, paddings, crops = (
        space_to_batch.inputs[1],
        space_to_batch.inputs[2],
        batch_to_space.inputs[2],
    )
    if block is None or block.data is None or paddings is None or paddings.data is None:
        return
    if crops is None or crops.data is None or chain != convolutions:
        return
    options = convolution.options
    if options.strideH != 1 or options.strideW != 1 or options.padding != schema.Padding.VALID:
        return
    if options.dilationHFactor != 1 or options.dilationWFactor != 1:
        return
    dilations = [int(d) for d in block.data.reshape(-1)]
    # Space-to-batch pads up to a multiple of the block; the crops take that part off again.
    padding = paddings.data.reshape(-1, 2) - crops.data.reshape(-1, 2)
    if len(dilations) != 2:
        return
    weights = convolution.inputs[1]
    assert weights is not None
    same = [(k - 1) * d for k, d in zip(weights.shape[1:3], dilations, strict=True)]
    totals = [int(p) for p in padding.sum(axis=1)]
    if totals == same and all(int(p[0]) == s // 2 for p, s in zip(padding, same, strict=True)):
        kind = schema.Padding.SAME
    elif not any(totals) and not padding.any():
        kind = schema.Padding.VALID
    else:
        return
    convolution.options = copy.copy(options)
    convolution.options.padding = kind
    convolution.options.dilationHFactor, convolution.options.dilationWFactor = dilations
    convolution.inputs[0] = space_to_batch.inputs[0]
    convolution.outputs = batch_to_space.outputs
    graph.operators.remove(space_to_batch)
    graph.operators.remove(batch_to_space)
