"""One-operator models that cover the predictor's table."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from converter.model import Model, Quantization, Tensor
from converter.model.schema import schema
from tests.memory.builders import (
    FLOAT32,
    INT8,
    INT32,
    activation,
    comparison,
    constant,
    conv_2d,
    depthwise_conv_2d,
    elementwise,
    float_model,
    fully_connected,
    logical,
    lstm,
    model,
    pool_2d,
    reduction,
    svdf,
    transpose_conv,
    weights,
)

MODELS: dict[str, Callable[[], Model]] = {
    "conv 3x3": lambda: conv_2d((1, 9, 7, 3), (1, 7, 5, 5), (3, 3), padding=1),
    "conv 1x1": lambda: conv_2d((1, 8, 8, 16), (1, 8, 8, 33), (1, 1)),
    "conv 1x1 stride 2": lambda: conv_2d((1, 8, 8, 16), (1, 4, 4, 7), (1, 1), stride=2),
    "conv 1xn": lambda: conv_2d((1, 1, 16, 8), (1, 1, 16, 6), (1, 5)),
    "conv dilated": lambda: conv_2d((1, 12, 12, 4), (1, 12, 12, 6), (3, 3), dilation=2),
    "depthwise 3x3": lambda: depthwise_conv_2d((1, 8, 8, 12), (1, 8, 8, 12), (3, 3)),
    "depthwise 5x5": lambda: depthwise_conv_2d((1, 8, 8, 12), (1, 4, 4, 12), (5, 5), stride=2),
    "depthwise multiplier": lambda: depthwise_conv_2d((1, 8, 8, 3), (1, 8, 8, 6), (5, 5)),
    "depthwise dilated": lambda: depthwise_conv_2d((1, 8, 8, 4), (1, 8, 8, 4), (3, 3), 1, 2),
    "dense": lambda: fully_connected((1, 13), (1, 10)),
    "dense without bias": lambda: fully_connected((1, 64), (1, 3), with_bias=False),
    "dense on three dimensions": lambda: fully_connected((1, 5, 16), (1, 5, 9)),
    "dense on three odd dimensions": lambda: fully_connected((1, 5, 15), (1, 5, 9)),
    "dense per channel": lambda: fully_connected((1, 13), (1, 10), channels=10),
    "dense per channel, three dimensions": lambda: fully_connected(
        (1, 5, 16), (1, 5, 10), channels=10
    ),
    "add": lambda: elementwise("ADD", "AddOptions", (1, 4, 4, 3), (1, 4, 4, 3)),
    "add broadcast": lambda: elementwise("ADD", "AddOptions", (1, 4, 4, 3), (1, 1, 1, 3)),
    "sub": lambda: elementwise("SUB", "SubOptions", (1, 4, 4, 3), (1, 4, 4, 3)),
    "mul": lambda: elementwise("MUL", "MulOptions", (1, 4, 4, 3), (1, 4, 4, 3)),
    "maximum": lambda: elementwise("MAXIMUM", "MaximumMinimumOptions", (1, 9), (1, 9)),
    "minimum": lambda: elementwise("MINIMUM", "MaximumMinimumOptions", (1, 9), (1, 9)),
    "average pool": lambda: pool_2d("AVERAGE_POOL_2D", (1, 8, 8, 5), (1, 4, 4, 5), 2),
    "max pool": lambda: pool_2d("MAX_POOL_2D", (1, 8, 8, 5), (1, 4, 4, 5), 2),
    "mean": lambda: reduction("MEAN", (1, 4, 4, 6), (1, 6), (1, 2)),
    "mean, dimensions kept": lambda: reduction("MEAN", (1, 4, 4, 6), (1, 1, 1, 6), (1, 2)),
    "mean over channels": lambda: reduction("MEAN", (1, 4, 4, 6), (1, 4, 4), (3,)),
    "sum": lambda: reduction("SUM", (1, 4, 4, 6), (1, 6), (1, 2)),
    "reduce max": lambda: reduction("REDUCE_MAX", (1, 4, 4, 6), (1, 6), (1, 2)),
    "pad": lambda: model(
        "PAD",
        [activation((1, 4, 4, 2)), constant([[0, 0], [1, 1], [1, 1], [0, 0]])],
        [activation((1, 6, 6, 2))],
        "PadOptions",
    ),
    "padv2": lambda: model(
        "PADV2",
        [
            activation((1, 4, 4, 2)),
            constant([[0, 0], [1, 1], [1, 1], [0, 0]]),
            Tensor("v", (1,), INT8, Quantization.per_tensor(0.05, -3), np.zeros(1, np.int8)),
        ],
        [activation((1, 6, 6, 2))],
        "PadV2Options",
    ),
    "reshape": lambda: model(
        "RESHAPE",
        [activation((1, 4, 4, 2)), constant([1, 32])],
        [activation((1, 32))],
        "ReshapeOptions",
        newShape=np.array([1, 32], np.int32),
    ),
    "squeeze": lambda: model(
        "SQUEEZE",
        [activation((1, 1, 1, 5))],
        [activation((1, 5))],
        "SqueezeOptions",
        squeezeDims=np.array([1, 2], np.int32),
    ),
    "expand dims": lambda: model(
        "EXPAND_DIMS",
        [activation((1, 5)), constant([1])],
        [activation((1, 1, 5))],
        "ExpandDimsOptions",
    ),
    "concatenation": lambda: model(
        "CONCATENATION",
        [activation((1, 4, 4, 2)), activation((1, 4, 4, 3)), activation((1, 4, 4, 5))],
        [activation((1, 4, 4, 10))],
        "ConcatenationOptions",
        axis=3,
    ),
    "relu": lambda: elementwise("RELU", None, (1, 4, 4, 3)),
    "relu6": lambda: elementwise("RELU6", None, (1, 4, 4, 3)),
    "softmax": lambda: model(
        "SOFTMAX", [activation((1, 10))], [activation((1, 10), 1 / 256, -128)], "SoftmaxOptions",
        beta=1.0,
    ),
    "logistic": lambda: model(
        "LOGISTIC", [activation((1, 10))], [activation((1, 10), 1 / 256, -128)]
    ),
    "tanh": lambda: model("TANH", [activation((1, 10))], [activation((1, 10), 1 / 128, 0)]),
    "hard swish": lambda: elementwise("HARD_SWISH", "HardSwishOptions", (1, 4, 4, 3)),
    "leaky relu": lambda: model(
        "LEAKY_RELU", [activation((1, 9))], [activation((1, 9))], "LeakyReluOptions", alpha=0.1
    ),
    "elu": lambda: elementwise("ELU", None, (1, 4, 4, 3)),
    "prelu": lambda: model(
        "PRELU", [activation((1, 4, 4, 3)), weights((1, 1, 3))], [activation((1, 4, 4, 3))]
    ),
    "quantize": lambda: model(
        "QUANTIZE", [activation((1, 9), dtype=FLOAT32)], [activation((1, 9))], "QuantizeOptions"
    ),
    "requantize": lambda: model(
        "QUANTIZE", [activation((1, 9), 0.1, 4)], [activation((1, 9))], "QuantizeOptions"
    ),
    "dequantize": lambda: model(
        "DEQUANTIZE", [activation((1, 9))], [activation((1, 9), dtype=FLOAT32)],
        "DequantizeOptions",
    ),
    "strided slice": lambda: model(
        "STRIDED_SLICE",
        [activation((1, 8, 3)), constant([0, 1, 0]), constant([1, 7, 3]), constant([1, 2, 1])],
        [activation((1, 3, 3))],
        "StridedSliceOptions",
    ),
    "slice": lambda: model(
        "SLICE",
        [activation((1, 8, 3)), constant([0, 1, 0]), constant([1, 7, 3])],
        [activation((1, 7, 3))],
        "SliceOptions",
    ),
    "pack": lambda: model(
        "PACK",
        [activation((1, 7)), activation((1, 7))],
        [activation((2, 1, 7))],
        "PackOptions",
        valuesCount=2,
    ),
    "unpack": lambda: model(
        "UNPACK",
        [activation((2, 7))],
        [activation((7,)), activation((7,))],
        "UnpackOptions",
        num=2,
    ),
    "shape": lambda: model(
        "SHAPE", [activation((1, 4, 4, 3))], [activation((4,), dtype=INT32)], "ShapeOptions",
        outType=schema.TensorType.INT32,
    ),
    "space to batch": lambda: model(
        "SPACE_TO_BATCH_ND",
        [activation((1, 4, 4, 3)), constant([2, 2]), constant([[0, 0], [0, 0]])],
        [activation((4, 2, 2, 3))],
        "SpaceToBatchNDOptions",
    ),
    "batch to space": lambda: model(
        "BATCH_TO_SPACE_ND",
        [activation((4, 2, 2, 3)), constant([2, 2]), constant([[0, 0], [0, 0]])],
        [activation((1, 4, 4, 3))],
        "BatchToSpaceNDOptions",
    ),
    "transpose": lambda: model(
        "TRANSPOSE",
        [activation((1, 4, 5, 3)), constant([0, 2, 1, 3])],
        [activation((1, 5, 4, 3))],
        "TransposeOptions",
    ),
    "transpose conv": lambda: transpose_conv((1, 4, 4, 5), (1, 8, 8, 3), 3, 2),
    "transpose conv, wide": lambda: transpose_conv((1, 4, 4, 24), (1, 8, 8, 6), 3, 2),
    "transpose conv, stride 3": lambda: transpose_conv((1, 4, 4, 24), (1, 12, 12, 6), 3, 3),
    "split": lambda: model(
        "SPLIT",
        [constant(1), activation((1, 8))],
        [activation((1, 4)), activation((1, 4))],
        "SplitOptions",
        numSplits=2,
    ),
    "split v": lambda: model(
        "SPLIT_V",
        [activation((1, 8)), constant([3, 5]), constant(1)],
        [activation((1, 3)), activation((1, 5))],
        "SplitVOptions",
        numSplits=2,
    ),
    "svdf": svdf,
    "lstm": lstm,
    "resize nearest neighbor": lambda: model(
        "RESIZE_NEAREST_NEIGHBOR",
        [activation((1, 4, 4, 3)), constant([8, 8])],
        [activation((1, 8, 8, 3))],
        "ResizeNearestNeighborOptions",
    ),
    "resize bilinear": lambda: model(
        "RESIZE_BILINEAR",
        [activation((1, 4, 4, 3)), constant([8, 8])],
        [activation((1, 8, 8, 3))],
        "ResizeBilinearOptions",
    ),
    "arg max": lambda: model(
        "ARG_MAX", [activation((1, 9)), constant(1)], [activation((1,), dtype=INT32)],
        "ArgMaxOptions", outputType=schema.TensorType.INT32,
    ),
    "cast": lambda: model(
        "CAST", [activation((1, 9))], [activation((1, 9), dtype=FLOAT32)], "CastOptions",
        inDataType=schema.TensorType.INT8, outDataType=schema.TensorType.FLOAT32,
    ),
    "arg min": lambda: model(
        "ARG_MIN", [activation((1, 9)), constant(1)], [activation((1,), dtype=INT32)],
        "ArgMinOptions", outputType=schema.TensorType.INT32,
    ),
    "fill": lambda: model(
        "FILL", [constant([1, 9]), activation(())], [activation((1, 9))], "FillOptions"
    ),
    "broadcast to": lambda: model(
        "BROADCAST_TO", [activation((1, 1, 3)), constant([1, 4, 3])], [activation((1, 4, 3))]
    ),
    "broadcast args": lambda: model(
        "BROADCAST_ARGS",
        [activation((2,), dtype=INT32), activation((2,), dtype=INT32)],
        [activation((2,), dtype=INT32)],
    ),
    "div": lambda: float_model("DIV", 2, "DivOptions"),
    "zeros like": lambda: float_model("ZEROS_LIKE", 1, "ZerosLikeOptions"),
    **{
        name.lower(): functools.partial(float_model, name, 1)
        for name in (
            "CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE",
        )
    },
    **{
        name.lower(): functools.partial(comparison, name)
        for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    },
    "logical and": lambda: logical("LOGICAL_AND", 2),
    "logical or": lambda: logical("LOGICAL_OR", 2),
    "logical not": lambda: logical("LOGICAL_NOT", 1),
    "gather": lambda: model(
        "GATHER",
        [activation((1, 8, 3)), constant([2, 5])],
        [activation((1, 2, 3))],
        "GatherOptions",
        axis=1,
    ),
    "depth to space": lambda: model(
        "DEPTH_TO_SPACE",
        [activation((1, 2, 2, 12))],
        [activation((1, 4, 4, 3))],
        "DepthToSpaceOptions",
        blockSize=2,
    ),
    "space to depth": lambda: model(
        "SPACE_TO_DEPTH",
        [activation((1, 4, 4, 3))],
        [activation((1, 2, 2, 12))],
        "SpaceToDepthOptions",
        blockSize=2,
    ),
    "abs": lambda: elementwise("ABS", "AbsOptions", (1, 9)),
    "rsqrt": lambda: elementwise("RSQRT", None, (1, 9)),
    "squared difference": lambda: elementwise(
        "SQUARED_DIFFERENCE", "SquaredDifferenceOptions", (1, 9), (1, 9)
    ),
    "l2 normalization": lambda: model(
        "L2_NORMALIZATION",
        [activation((1, 9))],
        [activation((1, 9), 1 / 128, 0)],
        "L2NormOptions",
    ),
    "mirror pad": lambda: model(
        "MIRROR_PAD",
        [activation((1, 4, 4, 2)), constant([[0, 0], [1, 1], [1, 1], [0, 0]])],
        [activation((1, 6, 6, 2))],
        "MirrorPadOptions",
    ),
    "floor div": lambda: float_model("FLOOR_DIV", 2, "FloorDivOptions"),
    "floor mod": lambda: float_model("FLOOR_MOD", 2, "FloorModOptions"),
}  # fmt: skip
