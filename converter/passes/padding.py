"""Folds a PAD into the convolution behind it.

The map that PAD writes is the largest tensor of many nets and holds nothing but a copy. A
lowered convolution takes explicit padding, so PAD goes and the convolution reads the map
before it: PAD fills with the zero point, which is what padding reads as.
"""

from __future__ import annotations

from converter.model.graph import Graph, Operator, Tensor
from converter.model.schema import schema

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fold_pads(graph: Graph, lowered: set[int]) -> None:
    """Fold every PAD whose only reader is a VALID convolution of `lowered` (ids of operators)."""
    for pad in list(graph.operators):
        if pad.name != "PAD" or pad.is_custom:
            continue
        readers = graph.consumers(pad.output)
        if len(readers) != 1 or any(t is pad.output for t in graph.outputs):
            continue
        convolution = readers[0]
        spatial = _spatial_padding(pad)
        if spatial is None or id(convolution) not in lowered or not _takes(convolution, pad):
            continue
        convolution.padding = spatial
        convolution.inputs[0] = pad.inputs[0]
        graph.operators.remove(pad)


def _takes(operator: Operator, pad: Operator) -> bool:
    return (
        operator.name in _CONVOLUTIONS
        and operator.options.padding == schema.Padding.VALID
        and operator.inputs[0] is pad.output
        and operator.padding is None
    )


def _spatial_padding(pad: Operator) -> tuple[int, int] | None:
    """(top, left) of a PAD that only pads height and width, else None."""
    source, paddings = pad.inputs[0], pad.inputs[1]
    if source is None or paddings is None or paddings.data is None or len(source.shape) != 4:
        return None
    if not _same_quantization(source, pad.output):
        return None
    values = paddings.data.reshape(4, 2)
    if values[0].any() or values[3].any():
        return None
    return int(values[1, 0]), int(values[2, 0])


def _same_quantization(a: Tensor, b: Tensor) -> bool:
    if a.quantization is None or b.quantization is None:
        return False
    return (a.scale, a.zero_point) == (b.scale, b.zero_point)
