"""Records one training step on this computer, custom operator by custom operator."""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.ir.options import Options
from converter.ir.training_ops import TRAINING_OPS
from tflm_training import signature
from tflm_training._library import runtime
from tools.cortex_m import recording

_SEED = 20240229
_LEARNING_RATE = 0.01
_NO_LABEL = np.array([-1], np.int32)
_OPTIONS = {op.CUSTOM_CODE: op for op in TRAINING_OPS}

# The input whose name says best which layer an operator belongs to; the others: output 0.
_NAMED_BY = {
    "CONV_2D_INPUT_GRAD": 2,
    "CONV_2D_FILTER_UPDATE": 3,
    "DEPTHWISE_CONV_2D_INPUT_GRAD": 2,
    "DEPTHWISE_CONV_2D_FILTER_UPDATE": 3,
    "TRANSPOSE_CONV_INPUT_GRAD": 2,
    "TRANSPOSE_CONV_FILTER_UPDATE": 3,
    "BIAS_UPDATE": 2,
    "APPLY_UPDATES": 2,
}


@dataclasses.dataclass(frozen=True)
class StepOperator:
    """A custom operator of the step: what it read and wrote, and a tensor that it is about."""

    recorded: recording.RecordedOperator
    options: Options
    about: str


def record_step(flatbuffer: bytes) -> list[StepOperator]:
    """The first training step of a training flatbuffer, from its initial weights.

    The input is noise of the full int8 range, the label the class that the model finds least
    likely (or, for the mean squared error, a target of noise), so that the gradient is large.
    Each tensor is what the operator saw in the arena, and keeps its place in it. Raises
    ValueError for what is no training flatbuffer and RuntimeError, with TFLite Micro's text, where
    the interpreter fails.
    """
    interpreter = runtime().Interpreter(flatbuffer)
    model = signature.read_signature(interpreter)
    rng = np.random.default_rng(_SEED)
    interpreter.set_input(0, _noise(rng, model.input))
    interpreter.set_input(2, np.array([_LEARNING_RATE], np.float32))
    if model.is_regression:
        interpreter.set_input(1, _noise(rng, model.output))
    else:
        interpreter.set_input(1, _unlikely_label(interpreter, model))
    interpreter.reset()
    tensors = interpreter.tensors()
    return [_operator(op, tensors) for op in interpreter.invoke_recorded()]


def _noise(rng: np.random.Generator, tensor) -> np.ndarray:
    limits = np.iinfo(tensor.dtype)
    return rng.integers(limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True)


def _unlikely_label(interpreter, model: signature.Signature) -> np.ndarray:
    interpreter.set_input(1, _NO_LABEL)
    interpreter.invoke()
    output = interpreter.get_output(0).reshape(-1)
    if model.loss == "softmax_cross_entropy":
        label = int(np.argmin(output))
    else:
        label = 1 - model.predicted_class(output)
    return np.array([label], np.int32)


def _operator(op, tensors) -> StepOperator:
    by_index = {tensor.index: tensor for tensor in tensors}
    arrays = {
        t.index: tuple(
            np.frombuffer(data, by_index[t.index].dtype).reshape(by_index[t.index].shape)
            for data in (t.before, t.after)
        )
        for t in op.tensors
    }
    is_unspecified = dict(
        zip(op.outputs, recording.unspecified([arrays[i][1] for i in op.outputs]), strict=True)
    )
    recorded = [
        recording.RecordedTensor(
            after=arrays[t.index][1],
            before=None if t.index in op.outputs else arrays[t.index][0],
            address=t.address,
            is_constant=by_index[t.index].is_constant,
            is_unspecified=is_unspecified.get(t.index, False),
        )
        for t in op.tensors
    ]
    place = {t.index: i for i, t in enumerate(op.tensors)} | {-1: -1}
    return StepOperator(
        recording.RecordedOperator(
            custom_code=op.custom_code,
            options=op.options,
            tensors=recorded,
            inputs=[place[i] for i in op.inputs],
            outputs=[place[i] for i in op.outputs],
        ),
        options=_OPTIONS[op.custom_code].unpack(op.options),
        about=_about(op, by_index),
    )


def _about(op, by_index) -> str:
    if op.custom_code in _NAMED_BY:
        index = op.inputs[_NAMED_BY[op.custom_code]]
    else:
        index = op.outputs[0] if op.outputs else op.inputs[0]
    return str(by_index[index].name).split(";")[0]
