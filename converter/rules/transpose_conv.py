"""TRANSPOSE_CONV: each input is spread over a window of the output.

It is the input gradient of a CONV_2D, so dL/dx is the convolution of dL/dy with w
(TRANSPOSE_CONV_INPUT_GRAD), and dL/dw is that of the CONV_2D, x and dL/dy having changed places
(TRANSPOSE_CONV_FILTER_UPDATE). The forward operator stays TFLM's own: in training its filter lies
in the arena as a whole, also where only a slice of its input channels is trained. The backward
operators are plain C++ on every processor.
"""

from __future__ import annotations

import numpy as np

from converter.ir.bounds import weight_bound
from converter.ir.training_ops import (
    ConvGeometry,
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)
from converter.model.graph import Operator
from converter.rules.convolution import ConvolutionRule
from converter.rules.parameters import input_of
from converter.rules.window_geometry import same_paddings, window_geometry


class TransposeConvRule(ConvolutionRule):
    operators = ("TRANSPOSE_CONV",)
    int8_inputs = (1, 2)
    forward = None
    input_grad = TransposeConvInputGrad
    filter_update = TransposeConvFilterUpdate

    def geometry(self, operator: Operator) -> ConvGeometry:
        """Padding is that of the convolution from the output to the input."""
        paddings = same_paddings(operator, operator.output, input_of(operator))
        return window_geometry(operator, paddings)

    def filter_positions(self, geometry: ConvGeometry) -> int:
        return geometry.input_height * geometry.input_width

    def input_gradient_terms(self, geometry: ConvGeometry) -> int:
        return geometry.filter_height * geometry.filter_width * geometry.output_channels

    def outputs_that_meet(self, geometry: ConvGeometry) -> int:
        return geometry.output_channels

    def filter_by_input(self, weights: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
        return weights

    def weight_bound(self, weights: np.ndarray, geometry: ConvGeometry) -> int:
        # Whatever the stride, all taps meet in each input.
        return weight_bound(weights, (1, 1), (1, 1))
