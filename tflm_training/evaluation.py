"""What a trainer tells of its model without changing a weight."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable

import numpy as np

from tflm_training import data
from tflm_training.data import DataError
from tflm_training.history import Progress, Running
from tflm_training.signature import Signature

NO_LEARNING_RATE = np.array([0.0], np.float32)

ProgressHook = Callable[[Progress], None]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """metrics: what `Trainer.evaluate` returns; confusion_matrix: what
    `Trainer.confusion_matrix` returns, None for a regression."""

    metrics: dict[str, float]
    confusion_matrix: np.ndarray | None


class Evaluator(abc.ABC):
    """The half of a `Trainer` that tests and predicts; one Invoke() a sample."""

    _signature: Signature
    # The label that asks for inference; the mean squared error has learning rate 0 for it.
    _no_label: np.ndarray

    @property
    def is_regression(self) -> bool:
        """Whether the loss is the mean squared error, so that y holds targets."""
        return self._signature.is_regression

    @property
    def classes(self) -> int:
        """Labels are in [0, classes); 0 for a regression."""
        return self._signature.classes

    def evaluate(
        self, x: np.ndarray, y: np.ndarray | None = None, progress: ProgressHook | None = None
    ) -> dict[str, float]:
        """Mean loss and accuracy, without changing a weight.

        Returns {"loss", "accuracy"}, or {"loss", "mse"} for a regression. There `loss` is the
        graph's own, against the quantised target, and `mse` compares real values: the
        output with the target as it was given. progress is called after each sample.
        """
        return self.examine(x, y, progress).metrics

    def confusion_matrix(
        self, x: np.ndarray, y: np.ndarray, progress: ProgressHook | None = None
    ) -> np.ndarray:
        """How many samples of each class are taken for which: int64 [classes, classes].

        Rows are true classes, columns predicted ones, so that the diagonal counts what is
        right. Raises DataError for a regression.

        Example, with a flatbuffer of three classes:

            >>> trainer = Trainer(flatbuffer)
            >>> matrix = trainer.confusion_matrix(x_test, y_test)
            >>> matrix.shape, int(matrix.sum()) == len(x_test)
            ((3, 3), True)
        """
        matrix = None if self.is_regression else self.examine(x, y, progress).confusion_matrix
        if matrix is None:
            raise DataError("confusion_matrix: a model with the mean squared error has no classes")
        return matrix

    def examine(
        self, x: np.ndarray, y: np.ndarray | None = None, progress: ProgressHook | None = None
    ) -> Evaluation:
        """`evaluate` and `confusion_matrix` in one pass over the samples."""
        inputs, labels, targets = self._signature.prepare(x, y, "")
        running = Running(self.is_regression)
        matrix = np.zeros((self.classes, self.classes), np.int64)
        squares = 0.0
        for i, (sample, label) in enumerate(zip(inputs, labels, strict=True)):
            output, loss = self._step(sample, label, NO_LEARNING_RATE)
            if targets is None:
                predicted = self._signature.predicted_class(output)
                matrix[label[0], predicted] += 1
                running.add(loss, predicted == label[0])
            else:
                error = data.dequantize(output, self._signature.output) - targets[i]
                squares += float(np.mean(np.square(error)))
                running.add(loss, False)
            if progress is not None:
                values = running.values()
                progress(Progress(i + 1, len(inputs), values["loss"], values.get("accuracy")))
        if targets is None:
            return Evaluation(running.values(), matrix)
        return Evaluation({**running.values(), "mse": squares / len(inputs)}, None)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The model's output in real values, float32 [N, ...]."""
        return data.dequantize(self.predict_quantized(x), self._signature.output)

    def predict_quantized(self, x: np.ndarray) -> np.ndarray:
        """The model's output as it is, int8 [N, ...]."""
        inputs = data.prepare("x", x, self._signature.input)
        shape = (1, *data.sample_shape(self._signature.output))
        outputs = (self._step(x, self._no_label, NO_LEARNING_RATE)[0] for x in inputs)
        return np.concatenate([output.reshape(shape) for output in outputs])

    @abc.abstractmethod
    def _step(
        self, sample: np.ndarray, label: np.ndarray, learning_rate: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """One Invoke(): the quantised output and the loss."""
