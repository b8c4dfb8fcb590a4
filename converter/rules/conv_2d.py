"""CONV_2D and FULLY_CONNECTED.

FULLY_CONNECTED over [rows, I] is the 1x1 convolution of a map [rows, 1, I], so it shares the
operators CONV_2D_INPUT_GRAD and CONV_2D_FILTER_UPDATE.
"""

from __future__ import annotations

import numpy as np

from converter.ir.training_ops import (
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    ConvGeometry,
    TrainingConv2D,
)
from converter.model.graph import Operator
from converter.rules.constraint import Constraint, Refusal
from converter.rules.convolution import ConvolutionRule, filter_of, input_of
from converter.rules.window_geometry import conv_geometry

_SHUFFLED = Constraint("shuffled weights have no gradient rule; export with weights_format DEFAULT")
_GROUPED = Constraint("grouped convolution (filter ...) has no gradient rule")


def _fully_connected_geometry(operator: Operator) -> ConvGeometry:
    outputs, inputs = filter_of(operator).shape
    rows = input_of(operator).elements // inputs
    return ConvGeometry(
        input_height=rows,
        input_width=1,
        input_channels=inputs,
        filter_height=1,
        filter_width=1,
        output_height=rows,
        output_width=1,
        output_channels=outputs,
        stride_height=1,
        stride_width=1,
        dilation_height=1,
        dilation_width=1,
        padding_top=0,
        padding_left=0,
    )


class Conv2DRule(ConvolutionRule):
    operators = ("CONV_2D", "FULLY_CONNECTED")
    constraints = (_SHUFFLED, _GROUPED, *ConvolutionRule.constraints)
    forward = TrainingConv2D
    input_grad = Conv2DInputGrad
    filter_update = Conv2DFilterUpdate

    def geometry(self, operator: Operator) -> ConvGeometry:
        if operator.name == "FULLY_CONNECTED":
            return _fully_connected_geometry(operator)
        return conv_geometry(operator)

    def input_gradient_terms(self, geometry: ConvGeometry) -> int:
        return geometry.filter_height * geometry.filter_width * geometry.output_channels

    def outputs_that_meet(self, geometry: ConvGeometry) -> int:
        return geometry.output_channels

    def filter_by_input(self, weights: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
        return weights.reshape(
            geometry.output_channels,
            geometry.filter_height,
            geometry.filter_width,
            geometry.input_channels,
        )

    def check(self, operator: Operator) -> Refusal | None:
        if operator.name == "FULLY_CONNECTED":
            if operator.options.weightsFormat != 0:
                return _SHUFFLED.broken()
        elif filter_of(operator).shape[3] != input_of(operator).shape[3]:
            return _GROUPED.broken(filter_of(operator))
        return super().check(operator)
