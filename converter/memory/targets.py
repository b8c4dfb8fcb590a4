"""What TFLite Micro's structures cost in the arena, per target.

Measured with `sizeof` and by recording every allocation of one-operator models: HOST_64
against the library of xmos-ai-tools 1.4.2, CORTEX_M against upstream TFLite Micro with
CMSIS-NN kernels, gcc (short enumerations, the default of the ARM bare-metal ABI) and
TF_LITE_STATIC_MEMORY, on a core with the DSP extension (Cortex-M4, M7, M33). Cores with
Helium (M55, M85) take more: their CMSIS-NN kernels want larger buffers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

ARENA_ALIGNMENT = 16  # MicroArenaBufferAlignment()


@dataclasses.dataclass(frozen=True)
class Struct:
    """Size and alignment of a C++ structure, bytes."""

    size: int
    alignment: int


@dataclasses.dataclass(frozen=True)
class Target:
    """One build of TFLite Micro.

    `options` maps an operator to the structure that its options are parsed into (no entry:
    none); `init_bytes` maps an operator to what its Init requests (0: nothing). An operator
    without an entry in `init_bytes` is unknown.
    """

    name: str
    pointer: Struct
    allocator: Struct  # SingleArenaBufferAllocator
    planner: Struct  # GreedyMemoryPlanner
    micro_allocator: Struct  # MicroAllocator
    data_allocator: Struct  # MicroBuiltinDataAllocator
    subgraph: Struct  # SubgraphAllocations
    eval_tensor: Struct  # TfLiteEvalTensor
    node: Struct  # NodeAndRegistration
    tensor: Struct  # TfLiteTensor
    affine_quantization: Struct  # TfLiteAffineQuantization
    scratch_handle: Struct  # ScratchBufferHandle
    scratch_request: Struct  # internal::ScratchBufferRequest
    allocation_info: Struct  # AllocationInfo
    planner_bytes_per_buffer: int  # GreedyMemoryPlanner::per_buffer_size()
    cmsis_nn: bool
    per_channel_record_bytes: int  # beside the tables of a per-channel FULLY_CONNECTED; 0: none
    options: Mapping[str, Struct]
    init_bytes: Mapping[str, int]


_POINTER_64 = Struct(8, 8)
_POINTER_32 = Struct(4, 4)

# Operators without Init.
_STATELESS = (
    "ARG_MAX", "ARG_MIN", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CAST", "CEIL",
    "COS", "DEPTH_TO_SPACE", "EXP", "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "GATHER", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "MAXIMUM", "MINIMUM", "NEG",
    "PACK", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "ROUND", "SHAPE", "SIN",
    "SLICE", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUEEZE", "TRANSPOSE",
    "UNPACK", "ZEROS_LIKE",
)  # fmt: skip

_COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")

# Options whose structure holds no enumeration: the same everywhere.
_COMMON_OPTIONS = {
    "CONV_2D": Struct(28, 4),  # TfLiteConvParams
    "DEPTHWISE_CONV_2D": Struct(28, 4),  # TfLiteDepthwiseConvParams
    "AVERAGE_POOL_2D": Struct(40, 4),  # TfLitePoolParams
    "MAX_POOL_2D": Struct(40, 4),
    "MEAN": Struct(1, 1),  # TfLiteReducerParams
    "SUM": Struct(1, 1),
    "REDUCE_MAX": Struct(1, 1),
    "RESHAPE": Struct(36, 4),  # TfLiteReshapeParams
    "SQUEEZE": Struct(36, 4),  # TfLiteSqueezeParams
    "CONCATENATION": Struct(8, 4),  # TfLiteConcatenationParams
    "SOFTMAX": Struct(4, 4),  # TfLiteSoftmaxParams
    "LEAKY_RELU": Struct(4, 4),  # TfLiteLeakyReluParams
    "STRIDED_SLICE": Struct(24, 4),  # TfLiteStridedSliceParams
    "PACK": Struct(8, 4),  # TfLitePackParams
    "UNPACK": Struct(8, 4),  # TfLiteUnpackParams
    "GATHER": Struct(8, 4),  # TfLiteGatherParams
    "DEPTH_TO_SPACE": Struct(4, 4),  # TfLiteDepthToSpaceParams
    "SPACE_TO_DEPTH": Struct(4, 4),  # TfLiteSpaceToDepthParams
    "SPLIT": Struct(4, 4),  # TfLiteSplitParams
    "SPLIT_V": Struct(4, 4),  # TfLiteSplitVParams
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Struct(16, 4),  # TfLiteUnidirectionalSequenceLSTMParams
    "RESIZE_NEAREST_NEIGHBOR": Struct(2, 1),  # TfLiteResizeNearestNeighborParams
    "RESIZE_BILINEAR": Struct(2, 1),  # TfLiteResizeBilinearParams
}

# What Init requests where both builds agree.
_COMMON_INIT = {
    **dict.fromkeys(_STATELESS, 0),
    **dict.fromkeys(_COMPARISONS, 32),  # ComparisonParams
    "ADD": 60,  # OpDataAdd
    "SUB": 52,  # OpDataSub
    "MUL": 36,  # OpDataMul
    "DIV": 28,  # OpDataDiv
    "RELU": 28,  # ReluOpData
    "LEAKY_RELU": 24,  # LeakyReluOpData
    "ABS": 28,  # OpDataAbsRsqrt
    "RSQRT": 28,
    "SQUARED_DIFFERENCE": 112,  # OpData: ArithmeticParams and a flag
    "L2_NORMALIZATION": 4,  # L2NormalizationParams
    "MIRROR_PAD": 20,  # OpDataMirrorPad
    "LOGISTIC": 16,  # OpDataLogistic
    "TANH": 16,  # OpData: four int32
    "ELU": 256,  # OpData: a table of int8 [256]
    "HARD_SWISH": 20,  # HardSwishParams
    "PRELU": 28,  # PreluParams
    "PAD": 56,  # OpData: PadParams and a zero point
    "PADV2": 56,
    "QUANTIZE": 32,  # OpDataQuantizeReference
    "DEQUANTIZE": 32,  # DequantizeOpData
    "STRIDED_SLICE": 84,  # StridedSliceParams
    "SPACE_TO_BATCH_ND": 4,  # SpaceToBatchParams
}

HOST_64 = Target(
    name="64-bit host",
    pointer=_POINTER_64,
    allocator=Struct(72, 8),
    planner=Struct(72, 8),
    micro_allocator=Struct(72, 8),
    data_allocator=Struct(16, 8),
    subgraph=Struct(16, 8),
    eval_tensor=Struct(24, 8),
    node=Struct(88, 8),
    tensor=Struct(112, 8),
    affine_quantization=Struct(24, 8),
    scratch_handle=Struct(8, 8),
    scratch_request=Struct(16, 8),
    allocation_info=Struct(32, 8),
    planner_bytes_per_buffer=40,
    cmsis_nn=False,
    per_channel_record_bytes=56,  # PerChannelData of the host runner
    options={
        **_COMMON_OPTIONS,
        "FULLY_CONNECTED": Struct(16, 4),  # TfLiteFullyConnectedParams
        "ADD": Struct(8, 4),  # TfLiteAddParams
        "SUB": Struct(8, 4),  # TfLiteSubParams
        "MUL": Struct(4, 4),  # TfLiteMulParams
        "DIV": Struct(4, 4),  # TfLiteDivParams
        "SHAPE": Struct(4, 4),  # TfLiteShapeParams
        "TRANSPOSE_CONV": Struct(20, 4),  # TfLiteTransposeConvParams
        "SVDF": Struct(12, 4),  # TfLiteSVDFParams
        "CAST": Struct(8, 4),  # TfLiteCastParams
        "ARG_MAX": Struct(4, 4),  # TfLiteArgMaxParams
        "ARG_MIN": Struct(4, 4),
        "L2_NORMALIZATION": Struct(4, 4),  # TfLiteL2NormParams
        "MIRROR_PAD": Struct(4, 4),  # TfLiteMirrorPaddingParams
    },
    init_bytes={
        **_COMMON_INIT,
        "CONV_2D": 72,  # OpDataConv
        "DEPTHWISE_CONV_2D": 72,
        "FULLY_CONNECTED": 36,  # OpDataFullyConnected
        "AVERAGE_POOL_2D": 32,  # OpDataPooling
        "MAX_POOL_2D": 32,
        "MEAN": 40,  # OpDataReduce
        "SUM": 40,
        "REDUCE_MAX": 40,
        "RELU6": 2,  # Relu6OpData
        "SOFTMAX": 80,  # SoftmaxParams
        "CONCATENATION": 40,  # OpData: ConcatenationParams
        "SVDF": 36,  # OpDataSvdf
        "TRANSPOSE_CONV": 80,  # OpData
        "UNIDIRECTIONAL_SEQUENCE_LSTM": 688,  # OpDataLSTM
    },
)

CORTEX_M = Target(
    name="Cortex-M",
    pointer=_POINTER_32,
    allocator=Struct(36, 4),
    planner=Struct(44, 4),
    micro_allocator=Struct(36, 4),
    data_allocator=Struct(8, 4),
    subgraph=Struct(8, 4),
    eval_tensor=Struct(12, 4),
    node=Struct(32, 4),
    tensor=Struct(32, 4),
    affine_quantization=Struct(12, 4),
    scratch_handle=Struct(4, 4),
    scratch_request=Struct(12, 4),
    allocation_info=Struct(24, 4),
    planner_bytes_per_buffer=40,
    cmsis_nn=True,
    per_channel_record_bytes=0,
    options={
        **_COMMON_OPTIONS,
        "FULLY_CONNECTED": Struct(5, 1),
        "ADD": Struct(2, 1),
        "SUB": Struct(2, 1),
        "MUL": Struct(1, 1),
        "DIV": Struct(1, 1),
        "SHAPE": Struct(1, 1),
        "TRANSPOSE_CONV": Struct(16, 4),
        "SVDF": Struct(8, 4),
        "CAST": Struct(2, 1),
        "ARG_MAX": Struct(1, 1),
        "ARG_MIN": Struct(1, 1),
        "L2_NORMALIZATION": Struct(1, 1),
        "MIRROR_PAD": Struct(1, 1),
    },
    init_bytes={
        **_COMMON_INIT,
        "CONV_2D": 60,  # OpData: OpDataConv and a scratch index
        "DEPTHWISE_CONV_2D": 60,
        "FULLY_CONNECTED": 72,  # OpData: OpDataFullyConnected and 24 bytes for CMSIS-NN
        "AVERAGE_POOL_2D": 36,  # OpData: OpDataPooling and a scratch index
        "MAX_POOL_2D": 36,
        "MEAN": 44,  # OpDataReduce
        "SUM": 44,
        "REDUCE_MAX": 44,
        "RELU6": 8,  # Relu6OpData
        "SOFTMAX": 64,  # CMSISNNSoftmaxParams
        "CONCATENATION": 24,  # OpData: ConcatenationParams
        "SVDF": 40,  # CmsisNnOpDataSvdf
        "TRANSPOSE_CONV": 76,  # OpData
        "UNIDIRECTIONAL_SEQUENCE_LSTM": 912,  # OpData: OpDataLSTM and cmsis_nn_lstm_params
    },
)

TARGETS = (HOST_64, CORTEX_M)
