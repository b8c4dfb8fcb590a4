"""A whole training flatbuffer in NumPy, operator by operator, by the kernels' twins.

No line of C++ takes part. Convolutions that the conversion left to TFLM run as the project's own,
whose twins compute the same bits; the few other operators of TFLM that a forward pass needs are
below. SOFTMAX and LOGISTIC at the end are left out: they follow the logits, and training does not
read them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from converter.ir.activation import activation_range
from converter.ir.requantisation import quantize_multiplier
from converter.ir.training_ops import (
    TRAINING_OPS,
    ActivationGrad,
    ApplyUpdates,
    AveragePool2DGrad,
    BiasUpdate,
    Conv2DFilterUpdate,
    Conv2DInputGrad,
    DepthwiseConv2DFilterUpdate,
    DepthwiseConv2DInputGrad,
    GradientAdd,
    GradientMask,
    GradientMul,
    GradientSlice,
    InitializeVariables,
    MaxPool2DGrad,
    MeanGrad,
    MeanSquaredError,
    PoolGrad,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    TrainingConv2D,
    TrainingDepthwiseConv2D,
    TransposeConvFilterUpdate,
    TransposeConvInputGrad,
)
from converter.model import Operator, read_model
from converter.model.schema import schema
from converter.passes.lower import can_be_lowered, lower
from converter.passes.training_graph import RANDOM_STATE_NAME
from kernels.activation_grad.twin import activation_grad
from kernels.apply_updates.twin import apply_updates
from kernels.average_pool_2d_grad.twin import average_pool_2d_grad
from kernels.bias_update.twin import bias_update
from kernels.conv_2d_grad import twin as conv_2d
from kernels.core.pool_twin import windows
from kernels.core.requantize_twin import multiply_by_quantized_multiplier
from kernels.depthwise_conv_2d_grad import twin as depthwise_conv_2d
from kernels.gradient_add.twin import gradient_add
from kernels.gradient_mask.twin import gradient_mask
from kernels.gradient_mul.twin import gradient_mul
from kernels.gradient_slice.twin import gradient_slice
from kernels.initialize_variables.twin import initialize_variables
from kernels.max_pool_2d_grad.twin import max_pool_2d_grad
from kernels.mean_grad.twin import mean_grad
from kernels.mean_squared_error.twin import mean_squared_error
from kernels.sigmoid_cross_entropy.twin import sigmoid_cross_entropy
from kernels.softmax_cross_entropy.twin import softmax_cross_entropy
from kernels.training_conv_2d.twin import training_conv_2d
from kernels.training_depthwise_conv_2d.twin import training_depthwise_conv_2d
from kernels.transpose_conv_grad import twin as transpose_conv

TWINS: dict[type, Callable[..., Sequence[np.ndarray]]] = {
    InitializeVariables: initialize_variables,
    SoftmaxCrossEntropy: softmax_cross_entropy,
    SigmoidCrossEntropy: sigmoid_cross_entropy,
    MeanSquaredError: mean_squared_error,
    Conv2DInputGrad: conv_2d.input_grad,
    Conv2DFilterUpdate: conv_2d.filter_update,
    DepthwiseConv2DInputGrad: depthwise_conv_2d.input_grad,
    DepthwiseConv2DFilterUpdate: depthwise_conv_2d.filter_update,
    TransposeConvInputGrad: transpose_conv.input_grad,
    TransposeConvFilterUpdate: transpose_conv.filter_update,
    BiasUpdate: bias_update,
    ApplyUpdates: apply_updates,
    AveragePool2DGrad: average_pool_2d_grad,
    MaxPool2DGrad: max_pool_2d_grad,
    MeanGrad: mean_grad,
    GradientSlice: gradient_slice,
    GradientMask: gradient_mask,
    GradientAdd: gradient_add,
    GradientMul: gradient_mul,
    ActivationGrad: activation_grad,
    TrainingConv2D: training_conv_2d,
    TrainingDepthwiseConv2D: training_depthwise_conv_2d,
}
_RECORDS = {op.CUSTOM_CODE: op for op in TRAINING_OPS}
_LOSSES = tuple(
    op.CUSTOM_CODE for op in (SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError)
)
_ADD_BITS = 20  # by which ADD shifts int8 operands up
_HEADS = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC")


def _geometry(operator: Operator) -> PoolGrad:
    """The windows of a pooling operator; padding as TFLite's ComputePaddingHeightWidth."""
    o, source = operator.options, operator.inputs[0]
    assert source is not None
    _, height, width, channels = source.shape
    _, output_height, output_width, _ = operator.output.shape
    top, left = 0, 0
    if o.padding == schema.Padding.SAME:
        top = max(0, (output_height - 1) * o.strideH + o.filterHeight - height) // 2
        left = max(0, (output_width - 1) * o.strideW + o.filterWidth - width) // 2
    sizes = (height, width, channels, o.filterHeight, o.filterWidth, output_height, output_width)
    return PoolGrad(*sizes, o.strideH, o.strideW, top, left, 0, 0, 0)


def _pool(operator: Operator, x: np.ndarray) -> np.ndarray:
    """AVERAGE_POOL_2D (half away from zero, without the padding) or MAX_POOL_2D."""
    is_max = operator.name == "MAX_POOL_2D"
    minimum, maximum = activation_range(operator.output, operator.options.fusedActivationFunction)
    result = np.empty(operator.output.shape, np.int64)
    for window in windows(_geometry(operator)):
        inside = x[0, window.rows, window.columns].astype(np.int64)
        if is_max:
            value = inside.max(axis=(0, 1))
        else:
            total = inside.sum(axis=(0, 1))
            value = np.sign(total) * ((np.abs(total) + window.count // 2) // window.count)
        result[0][window.output] = value
    return np.clip(result, minimum, maximum).astype(np.int8)


def _mean(operator: Operator, x: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """MEAN as QuantizedMeanOrSum in tensorflow/lite/kernels/internal/reference/reduce.h."""
    source = operator.inputs[0]
    assert source is not None
    axis = tuple(int(a) for a in axes.reshape(-1))
    count = math.prod(source.shape[a] for a in axis)
    multiplier, shift = quantize_multiplier(source.scale / operator.output.scale)
    more = min(count.bit_length() - 1, 32, 31 + shift)
    mean = multiply_by_quantized_multiplier(
        x.sum(axis=axis, dtype=np.int64) - source.zero_point * count,
        np.array((multiplier << more) // count),
        np.array(shift - more),
    )
    result = np.clip(mean + operator.output.zero_point, -128, 127)
    return result.astype(np.int8).reshape(operator.output.shape)


def _add(operator: Operator, *operands: np.ndarray) -> np.ndarray:
    """ADD as AddElementwise in tensorflow/lite/kernels/internal/reference/add.h."""
    sources = [t for t in operator.inputs if t is not None]
    twice = 2.0 * max(source.scale for source in sources)
    total: np.ndarray | int = 0
    for source, x in zip(sources, operands, strict=True):
        shifted = (x.astype(np.int64) - source.zero_point) << _ADD_BITS
        total = total + _requantised(shifted, source.scale / twice)
    result = _requantised(np.asarray(total), twice / (operator.output.scale * 2**_ADD_BITS))
    minimum, maximum = activation_range(operator.output, operator.options.fusedActivationFunction)
    return np.clip(result + operator.output.zero_point, minimum, maximum).astype(np.int8)


def _requantised(value: np.ndarray, scale: float) -> np.ndarray:
    multiplier, shift = quantize_multiplier(scale)
    return multiply_by_quantized_multiplier(value, np.array(multiplier), np.array(shift))


def _pad(operator: Operator, x: np.ndarray, paddings: np.ndarray) -> np.ndarray:
    return np.pad(x, paddings, constant_values=operator.output.zero_point)


def _reshape(operator: Operator, x: np.ndarray, *_: np.ndarray) -> np.ndarray:
    return x.reshape(operator.output.shape)


_FORWARD: dict[str, Callable[..., np.ndarray]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
}


class TwinNet:
    """A training flatbuffer with its weights, seeded as `tflm_training.Trainer` seeds it.

    Raises ValueError for an operator of TFLM that has no line in this file.
    """

    def __init__(self, flatbuffer: bytes, seed: int) -> None:
        graph = read_model(flatbuffer, "the training flatbuffer").graph
        for operator in graph.operators:
            if can_be_lowered(operator):
                lower(operator, None, None)
        self._inputs, self._loss = graph.inputs, graph.outputs[-1]
        initialize, *operators = graph.operators
        self._operators = [op for op in operators if op.is_custom or op.name not in _HEADS]
        unknown = {op.name for op in self._operators if not op.is_custom} - _FORWARD.keys()
        if unknown:
            raise ValueError(f"no twin of {', '.join(sorted(unknown))}")
        self._values = {id(t): t.data for t in graph.tensors() if t.data is not None}
        self._variables = [t for t in graph.tensors() if t.is_variable]
        for variable in self._variables:
            self._values[id(variable)] = np.zeros(variable.shape, variable.dtype)
        self._run(initialize)
        word = int(np.random.SeedSequence(seed).generate_state(1)[0]) or 1
        (state,) = [t for t in self._variables if t.name == RANDOM_STATE_NAME]
        self._values[id(state)] = np.array([word], np.uint32).view(np.int32)

    def step(self, sample: np.ndarray, label: np.ndarray, learning_rate: float) -> float:
        """One training step on a quantised sample; the loss before it."""
        given = (sample, label, np.array([learning_rate], np.float32))
        for tensor, value in zip(self._inputs, given, strict=True):
            self._values[id(tensor)] = value.reshape(tensor.shape)
        for operator in self._operators:
            self._run(operator)
        return float(self._values[id(self._loss)][0])

    def variables(self) -> bytes:
        """As a checkpoint holds them: weights, fractions, biases, the generator's state."""
        return b"".join(self._values[id(t)].tobytes() for t in self._variables)

    def _run(self, operator: Operator) -> None:
        values = [None if t is None else self._values[id(t)] for t in operator.inputs]
        if not operator.is_custom:
            self._values[id(operator.output)] = _FORWARD[operator.name](operator, *values)
            return
        record = _RECORDS[operator.name]
        assert operator.custom_options is not None
        twin = TWINS[record]
        further: dict[str, Any] = {}
        if operator.name in _LOSSES:
            further["dtype"] = operator.outputs[1].dtype
        if record is not InitializeVariables:  # which takes any number
            absent = len(inspect.signature(twin).parameters) - 1 - len(further) - len(values)
            values += [None] * absent
        results = twin(record.unpack(operator.custom_options), *values, **further)
        # What has no outputs writes its variables.
        changed = operator.outputs or [t for t in operator.inputs if t and t.is_variable]
        for tensor, result in zip(changed, results, strict=True):
            self._values[id(tensor)] = result.reshape(tensor.shape)
