"""The losses, and their options. The conventions are those of training_ops.py, which lists them
with all others."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from converter.ir.options import Options


@dataclasses.dataclass(frozen=True)
class SoftmaxCrossEntropy(Options):
    """Inputs [logits int8 [1, N], label int32 [1], learning_rate float32 [1],
    exponentials int32 [256]]; outputs [loss float32 [1], gradient [1, N],
    gradient_scale float32 [2]]."""

    CUSTOM_CODE: ClassVar[str] = "SOFTMAX_CROSS_ENTROPY"
    classes: int
    exponential_bits: int  # exponentials[d] = round(2^exponential_bits * exp(-beta * s * d))
    gradient_bits: int
    logit_scale_q16: int  # round(65536 * beta * s)
    beta: float


@dataclasses.dataclass(frozen=True)
class SigmoidCrossEntropy(Options):
    """Inputs [logit int8 [1, 1], label int32 [1], learning_rate float32 [1],
    probabilities int32 [256]]; outputs as SOFTMAX_CROSS_ENTROPY."""

    CUSTOM_CODE: ClassVar[str] = "SIGMOID_CROSS_ENTROPY"
    gradient_bits: int  # probabilities[q + 128] = round(2^30 * sigmoid(s * (q - z)))


@dataclasses.dataclass(frozen=True)
class MeanSquaredError(Options):
    """Inputs [output int8, target int8 (same shape and quantisation), learning_rate
    float32 [1]]; outputs [loss float32 [1], gradient, gradient_scale float32 [2]]."""

    CUSTOM_CODE: ClassVar[str] = "MEAN_SQUARED_ERROR"
    elements: int
    loss_scale: float  # s^2 / elements
    gradient_scale: float  # 2 * s / elements
