"""DEPTHWISE_CONV_2D with any depth multiplier M = O / I.

y[o] = sum over taps of w[o] * x[o / M] + b[o]: as CONV_2D without the sum over outputs,
except that the M outputs of an input channel meet in dL/dx.
"""

from __future__ import annotations

import numpy as np

from converter.ir.bounds import input_gradient_bits
from converter.ir.training_ops import (
    ConvGeometry,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    TrainingDepthwiseConv2D,
)
from converter.model.graph import Operator
from converter.rules.constraint import Constraint, Refusal
from converter.rules.convolution import ConvolutionRule, filter_of, input_of
from converter.rules.parameters import weight_limit
from converter.rules.rule import LayerUpdate, Limits
from converter.rules.window_geometry import conv_geometry

_MULTIPLE = Constraint("filter ... is no multiple of the input's channels")


class DepthwiseConv2DRule(ConvolutionRule):
    operators = ("DEPTHWISE_CONV_2D",)
    constraints = (_MULTIPLE, *ConvolutionRule.constraints)
    forward = TrainingDepthwiseConv2D
    input_grad = DepthwiseConv2DInputGrad
    filter_update = DepthwiseConv2DFilterUpdate

    def geometry(self, operator: Operator) -> ConvGeometry:
        return conv_geometry(operator)

    def input_gradient_terms(self, geometry: ConvGeometry) -> int:
        return geometry.filter_height * geometry.filter_width

    def outputs_that_meet(self, geometry: ConvGeometry) -> int:
        return geometry.output_channels // geometry.input_channels

    def filter_by_input(self, weights: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
        # [1, KH, KW, I * M] -> [M, KH, KW, I]
        return weights.reshape(
            geometry.filter_height, geometry.filter_width, geometry.input_channels, -1
        ).transpose(3, 0, 1, 2)

    def check(self, operator: Operator) -> Refusal | None:
        if filter_of(operator).shape[3] % input_of(operator).shape[3]:
            return _MULTIPLE.broken(filter_of(operator))
        return super().check(operator)

    def output_gradient_bits(
        self, operator: Operator, update: LayerUpdate | None, limits: Limits
    ) -> int:
        # Unlike CONV_2D, the input gradient multiplies the mantissas as they come.
        terms = self.input_gradient_terms(self.geometry(operator))
        return min(
            input_gradient_bits(terms, weight_limit(operator)),
            super().output_gradient_bits(operator, update, limits),
        )
