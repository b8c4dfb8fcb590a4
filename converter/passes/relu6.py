"""Replaces a standalone RELU6 that rescales by a RELU.

TFLM's int8 RELU6 clamps but does not requantise, so it is wrong where input and output have
different scales, as TFLite's converter writes them. Its RELU does requantise, and where the
output's range ends at or below six the int8 range clamps for it:

    relu6(x) = min(relu(x), 6) = relu(x) saturated at q = 127    if scale * (127 - zero_point) <= 6
"""

from __future__ import annotations

from converter.errors import ConverterError
from converter.model.graph import Graph, Operator, Tensor

_INT8_MAX = 127
# One LSB of slack: the range that the converter calibrates ends at six up to rounding.
_SLACK_LSB = 1.0


def replace_rescaling_relu6(graph: Graph) -> None:
    """Rewrite in place. Raises ConverterError for a RELU6 that TFLM cannot compute."""
    for operator in graph.operators:
        if operator.name == "RELU6" and not operator.is_custom and _rescales(operator):
            output = operator.output
            if output.scale * (_INT8_MAX - output.zero_point - _SLACK_LSB) > 6.0:
                raise ConverterError(
                    f"RELU6 {output}: TFLM cannot rescale in RELU6 and the output's range goes "
                    "beyond six; fuse the activation into the layer before it"
                )
            operator.name = "RELU"
            operator.version = min(operator.version, 2)


def _rescales(operator: Operator) -> bool:
    source: Tensor | None = operator.inputs[0]
    output = operator.output
    if source is None or source.quantization is None or output.quantization is None:
        return False
    return (source.scale, source.zero_point) != (output.scale, output.zero_point)
