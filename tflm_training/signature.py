"""What a training flatbuffer says about itself: its metadata and its graph's signature."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_training import data
from tflm_training.data import DataError

if TYPE_CHECKING:
    from tflm_training._runtime import Interpreter, TensorInfo

METADATA_NAME = "tflm_training"
MODEL_ID_NAME = "tflm_training_id"
VERSION = 1
LOSSES = ("softmax_cross_entropy", "sigmoid_cross_entropy", "mse")
# Every TFLite int8 LOGISTIC has these output parameters, and logits never do: they would
# all be positive.
_PROBABILITY_SCALE = 1.0 / 256.0
_PROBABILITY_ZERO_POINT = -128


@dataclasses.dataclass(frozen=True)
class Signature:
    """The loss and the tensors of a training flatbuffer.

    Inputs are [input, label or target, learning_rate], outputs [output, loss].
    classes: labels are in [0, classes); 0 for the mean squared error.
    random_state: index of the generator's variable, int32 [1].
    variables: what training changes, without the generator's state: weights, what is kept or
    pending beside them, and the state of recurrent layers.
    """

    loss: str
    classes: int
    input: TensorInfo
    output: TensorInfo
    random_state: int
    variables: tuple[TensorInfo, ...]

    @property
    def is_regression(self) -> bool:
        return self.loss == "mse"

    def describe(self) -> str:
        """The loss and the tensors, one a line."""
        lines = [f"loss: {self.loss}"]
        for role, tensor in (("input", self.input), ("output", self.output)):
            lines.append(f"{role}: {tensor.name} {data.describe_tensor(tensor)}")
        lines.append(f"variables: {len(self.variables)}")
        return "\n".join(lines)

    def prepare(
        self, x: np.ndarray, y: np.ndarray | None, suffix: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Checked arrays: inputs [N, ...], labels [N, 1] or targets, real targets or None.

        Raises DataError, which calls them x<suffix> and y<suffix>.
        """
        x_name, y_name = f"x{suffix}", f"y{suffix}"
        inputs = data.prepare(x_name, x, self.input)
        if self.is_regression:
            targets, real = data.prepare_targets(y_name, y, inputs, self.input, self.output)
            return inputs, targets, real
        if y is None:
            raise data.DataError(f"{y_name}: missing, this model needs class labels")
        labels = data.prepare_labels(y_name, y, len(inputs), self.classes)
        return inputs, labels.reshape(-1, 1), None

    def predicted_class(self, output: np.ndarray) -> int:
        """The class that one quantised output stands for."""
        if self.loss == "softmax_cross_entropy":
            return int(np.argmax(output))
        # Half a probability, or a logit of zero.
        threshold = self.output.zero_point
        is_probability = (self.output.scale, threshold) == (
            _PROBABILITY_SCALE,
            _PROBABILITY_ZERO_POINT,
        )
        return int(output.reshape(-1)[0] >= (0 if is_probability else threshold))


def read_signature(interpreter: Interpreter) -> Signature:
    """The signature of the loaded model. Raises DataError if it is no training flatbuffer."""
    metadata = _metadata(interpreter)
    loss = metadata["loss"]
    inputs, outputs = interpreter.inputs(), interpreter.outputs()
    if len(inputs) != 3 or len(outputs) != 2:
        raise DataError(
            f"a training flatbuffer of {len(inputs)} inputs and {len(outputs)} outputs: the runner "
            "takes [input, label, learning_rate] and [output, loss]"
        )
    _check_types(loss, inputs, outputs)
    variables = [tensor for tensor in interpreter.tensors() if tensor.is_variable]
    states = [tensor.index for tensor in variables if tensor.name == metadata["random_state"]]
    if len(states) != 1:
        raise DataError(f"no variable {_cut(metadata['random_state'])} in the training flatbuffer")
    if _kind(next(t for t in variables if t.index == states[0])) != (np.int32, 1):
        raise DataError(f"the variable {_cut(metadata['random_state'])} is not one int32")
    return Signature(
        loss=loss,
        classes=_classes(loss, metadata.get("num_classes"), outputs[0]),
        input=inputs[0],
        output=outputs[0],
        random_state=states[0],
        variables=tuple(tensor for tensor in variables if tensor.index != states[0]),
    )


def _kind(tensor: TensorInfo) -> tuple[np.dtype, int]:
    return tensor.dtype, int(np.prod(tensor.shape))


def _check_types(loss: str, inputs: list[TensorInfo], outputs: list[TensorInfo]) -> None:
    """Raise DataError for tensors that the runner cannot write or read."""
    one_float = (np.dtype(np.float32), 1)
    label = _kind(outputs[0]) if loss == "mse" else (np.dtype(np.int32), 1)
    if _kind(inputs[1]) != label or one_float not in ({_kind(inputs[2])} & {_kind(outputs[1])}):
        raise DataError("the label, learning rate or loss of the training flatbuffer is damaged")


def _metadata(interpreter: Interpreter) -> dict[str, Any]:
    content = interpreter.metadata(METADATA_NAME)
    if content is None:
        raise DataError("is not a training flatbuffer: run python -m converter first")
    try:
        metadata = json.loads(content.rstrip(b"\0").decode("utf-8"))
        version, loss = metadata["version"], metadata["loss"]
        metadata["random_state"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"its metadata {METADATA_NAME!r} is damaged ({_cut(error)})") from error
    if version != VERSION:
        found = _cut(version)
        raise DataError(f"a training flatbuffer of version {found}; this runner reads {VERSION}")
    if loss not in LOSSES:
        raise DataError(f"unknown loss {_cut(loss)}; this runner knows {', '.join(LOSSES)}")
    return dict(metadata)


def _cut(value: object) -> str:
    """Something from the file, for a message."""
    from converter.model.graph import shown

    return shown(repr(value))


def _classes(loss: str, stated: Any, output: TensorInfo) -> int:
    if loss == "mse":
        return 0
    if loss == "sigmoid_cross_entropy":
        return 2
    elements = int(np.prod(output.shape))
    if stated not in (None, elements):
        raise DataError(f"its metadata names {stated!r} classes; the output has {elements}")
    return elements
