"""The custom operators that a training flatbuffer may hold, and their options.

A gradient tensor is int16, or int8 with at most 7 `gradient_bits`; all gradients that one
operator reads and writes have the same type, and "gradient" below stands for either. A
tensor `masked_by` is the saved activation, int8, to which mask_min and mask_max apply, or a
bit mask of it, uint8 [ceil(elements / 8)], LSB first, 1 where the gradient passes. Those that
work on gradients alone are in gradient_ops.py, losses in loss_ops.py, those that only move
variables in variable_ops.py.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from converter.ir.gradient_ops import (
    ActivationGrad,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
)
from converter.ir.loss_ops import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from converter.ir.options import Options
from converter.ir.variable_ops import ApplyUpdates, InitializeVariables

# int8 values that no activation takes: a mask with these bounds hides nothing.
UNMASKED_MIN = -129
UNMASKED_MAX = 128


@dataclasses.dataclass(frozen=True)
class ConvGeometry(Options):
    """Geometry shared by the convolution operators; [H, W, C] maps, batch 1."""

    input_height: int
    input_width: int
    input_channels: int
    filter_height: int
    filter_width: int
    output_height: int
    output_width: int
    output_channels: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    padding_top: int
    padding_left: int


@dataclasses.dataclass(frozen=True)
class ConvInputGrad(ConvGeometry):
    """Fields of the convolutions' INPUT_GRAD operators after the geometry.
    `split`: as in TrainingConv."""

    VERSION: ClassVar[int] = 2
    accumulator_bits: int  # A: taps * output_channels * 127 * 2^A <= 2^31 (not DEPTHWISE)
    gradient_bits: int  # B of the gradient that is written
    weight_bound: int  # max over input channels of sum |W| that meet in one input pixel
    mask_min: int
    mask_max: int
    scale_factor: float  # s_max * 32768 / 32767, or s_w without a multiplier
    split: int = 0


@dataclasses.dataclass(frozen=True)
class Conv2DInputGrad(ConvInputGrad):
    """Inputs [gradient [1, OH, OW, O], gradient_scale float32 [2], filter int8
    [O, KH, KW, I], multiplier int16 [O] or absent, masked_by [1, H, W, I] or absent,
    frozen_filter int8 or absent]; outputs [gradient [1, H, W, I], gradient_scale float32
    [2]]. With a split of k the filter is [O, KH, KW, k] and frozen_filter
    [O, KH, KW, I - k]."""

    CUSTOM_CODE: ClassVar[str] = "CONV_2D_INPUT_GRAD"


@dataclasses.dataclass(frozen=True)
class DepthwiseConv2DInputGrad(ConvInputGrad):
    """As CONV_2D_INPUT_GRAD with filter int8 [1, KH, KW, O], O = I * depth multiplier; with
    a split of k the filter is [1, KH, KW, k] and frozen_filter [1, KH, KW, O - k]."""

    CUSTOM_CODE: ClassVar[str] = "DEPTHWISE_CONV_2D_INPUT_GRAD"


# Parts of one LSB of a weight that has a fraction.
FRACTION = 256


@dataclasses.dataclass(frozen=True)
class ConvFilterUpdate(ConvGeometry):
    """Fields of the FILTER_UPDATE operators after the geometry, which is that of the whole
    layer. The input and the filter may hold more channels than are trained, or only those."""

    VERSION: ClassVar[int] = 3
    input_zero_point: int
    channels: int  # trained channels: the first of I (CONV_2D), the first of O (DEPTHWISE)
    clamp: int  # largest change of one weight in one step, LSB
    stored_channels: int = 0  # the first ones that `input` holds; 0: all input_channels
    filter_channels: int = 0  # the innermost dimension of `filter`; 0: that of the layer


@dataclasses.dataclass(frozen=True)
class Conv2DFilterUpdate(ConvFilterUpdate):
    """Inputs [input int8 [1, H, W, stored_channels], gradient [1, OH, OW, O],
    gradient_scale float32 [2], filter int8 [O, KH, KW, filter_channels] (written),
    learning_rate float32 [1], update_scale float32 [O] or [1], random_state int32 [1]
    (written), fraction int8, as filter (optional, written)]; no outputs. update_scale[c] =
    s_x / s_w[c], with a fraction FRACTION times that; 0 freezes the channel. With a fraction
    the weight is filter + fraction / FRACTION.
    stored_channels >= channels and filter_channels >= channels."""

    CUSTOM_CODE: ClassVar[str] = "CONV_2D_FILTER_UPDATE"


@dataclasses.dataclass(frozen=True)
class DepthwiseConv2DFilterUpdate(ConvFilterUpdate):
    """As CONV_2D_FILTER_UPDATE with filter int8 [1, KH, KW, filter_channels] and
    stored_channels >= ceil(channels / depth multiplier). The depth multiplier is that of the
    geometry, output_channels / input_channels; gradient and update_scale keep all O."""

    CUSTOM_CODE: ClassVar[str] = "DEPTHWISE_CONV_2D_FILTER_UPDATE"


@dataclasses.dataclass(frozen=True)
class TransposeConvInputGrad(ConvInputGrad):
    """As CONV_2D_INPUT_GRAD, of a layer whose input (y, x) goes through tap (ky, kx) to output
    (y * stride_height - padding_top + ky * dilation_height, x likewise). weight_bound counts all
    taps."""

    CUSTOM_CODE: ClassVar[str] = "TRANSPOSE_CONV_INPUT_GRAD"


@dataclasses.dataclass(frozen=True)
class TransposeConvFilterUpdate(ConvFilterUpdate):
    """As CONV_2D_FILTER_UPDATE, of such a layer."""

    CUSTOM_CODE: ClassVar[str] = "TRANSPOSE_CONV_FILTER_UPDATE"


@dataclasses.dataclass(frozen=True)
class BiasUpdate(Options):
    """Inputs [gradient [..., C], gradient_scale float32 [2], bias int32 [C]
    (written), learning_rate float32 [1], update_scale float32 [C] or [1], random_state int32
    [1] (written)]; no outputs. update_scale[c] = 1 / (s_x * s_w[c]); 0 freezes the channel."""

    CUSTOM_CODE: ClassVar[str] = "BIAS_UPDATE"
    VERSION: ClassVar[int] = 2
    positions: int  # OH * OW
    channels: int
    clamp: int  # largest change in one step, LSB of the bias
    limit: int  # |bias| stays at or below this, so that the forward accumulator cannot overflow


@dataclasses.dataclass(frozen=True)
class PoolGrad(Options):
    """Fields shared by the pooling gradients; [H, W, C] maps, batch 1."""

    input_height: int
    input_width: int
    channels: int
    filter_height: int
    filter_width: int
    output_height: int
    output_width: int
    stride_height: int
    stride_width: int
    padding_top: int
    padding_left: int
    gradient_bits: int
    mask_min: int
    mask_max: int


@dataclasses.dataclass(frozen=True)
class AveragePool2DGrad(PoolGrad):
    """Inputs [gradient [1, OH, OW, C], gradient_scale float32 [2], masked_by [1, H, W, C]
    or absent]; outputs [gradient [1, H, W, C], gradient_scale]."""

    CUSTOM_CODE: ClassVar[str] = "AVERAGE_POOL_2D_GRAD"


@dataclasses.dataclass(frozen=True)
class MaxPool2DGrad(PoolGrad):
    """Inputs [gradient [1, OH, OW, C], gradient_scale float32 [2], input int8 [1, H, W, C]];
    outputs [gradient [1, H, W, C], gradient_scale]. The mask applies to `input`."""

    CUSTOM_CODE: ClassVar[str] = "MAX_POOL_2D_GRAD"


@dataclasses.dataclass(frozen=True)
class MeanGrad(Options):
    """Inputs [gradient (the reduced shape), gradient_scale float32 [2], masked_by (the full
    shape) or absent]; outputs [gradient (the full shape), gradient_scale]. The full shape is
    folded to [dim_0, dim_1, dim_2, dim_3]; reduced_i is 1 where the mean runs over dim_i,
    else 0."""

    CUSTOM_CODE: ClassVar[str] = "MEAN_GRAD"
    dim_0: int
    dim_1: int
    dim_2: int
    dim_3: int
    reduced_0: int
    reduced_1: int
    reduced_2: int
    reduced_3: int
    mask_min: int
    mask_max: int


@dataclasses.dataclass(frozen=True)
class TrainingConv(ConvGeometry):
    """Fields of the forward operators TRAINING_CONV_2D and TRAINING_DEPTHWISE_CONV_2D after
    the geometry. Padding at the bottom and right follows from the output's size, and reads
    as input_zero_point: a PAD before the layer can be part of it.

    With a `split` of 0 `filter` holds the whole filter and frozen_filter is absent. With
    k > 0 `filter` holds the first k channels, usually a variable, and frozen_filter the
    others, usually a constant."""

    input_zero_point: int
    output_zero_point: int
    activation_min: int  # of the fused activation, in -128..127
    activation_max: int
    split: int = 0
    saved_channels: int = 0  # the first ones of `input` that saved_input takes; 0: no output
    saves_mask: int = 0  # 1: input_mask is written; it passes mask_min < q < mask_max
    mask_min: int = UNMASKED_MIN
    mask_max: int = UNMASKED_MAX


@dataclasses.dataclass(frozen=True)
class TrainingConv2D(TrainingConv):
    """CONV_2D and, as a map [rows, 1, I] with a 1x1 filter, FULLY_CONNECTED, bit for bit.
    Inputs [input int8 [1, H, W, I], filter int8 [O, KH, KW, I], bias int32 [O] or absent,
    output_multiplier int32 [O] or [1] (constant), output_shift int8, as many (constant),
    frozen_filter int8 or absent]; outputs [output int8 [1, OH, OW, O], then, if asked for,
    saved_input int8 [1, H, W, saved_channels], then, if asked for, input_mask uint8
    [ceil(H * W * I / 8)]]. With a split of k the filter is [O, KH, KW, k] and frozen_filter
    [O, KH, KW, I - k]. converter/ir/requantisation.py makes the two tables."""

    CUSTOM_CODE: ClassVar[str] = "TRAINING_CONV_2D"


@dataclasses.dataclass(frozen=True)
class TrainingDepthwiseConv2D(TrainingConv):
    """DEPTHWISE_CONV_2D as TRAINING_CONV_2D, with filter int8 [1, KH, KW, O], O = I * depth
    multiplier; with a split of k the filter is [1, KH, KW, k] and frozen_filter
    [1, KH, KW, O - k]."""

    CUSTOM_CODE: ClassVar[str] = "TRAINING_DEPTHWISE_CONV_2D"


TRAINING_OPS: tuple[type[Options], ...] = (
    InitializeVariables,
    SoftmaxCrossEntropy,
    SigmoidCrossEntropy,
    MeanSquaredError,
    Conv2DInputGrad,
    Conv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    DepthwiseConv2DFilterUpdate,
    TransposeConvInputGrad,
    TransposeConvFilterUpdate,
    BiasUpdate,
    ApplyUpdates,
    AveragePool2DGrad,
    MaxPool2DGrad,
    MeanGrad,
    GradientSlice,
    GradientMask,
    GradientAdd,
    GradientMul,
    ActivationGrad,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
)
INPUT_GRADS: tuple[type[ConvInputGrad], ...] = tuple(
    record for record in TRAINING_OPS if issubclass(record, ConvInputGrad)
)
FILTER_UPDATES: tuple[type[ConvFilterUpdate], ...] = tuple(
    record for record in TRAINING_OPS if issubclass(record, ConvFilterUpdate)
)
