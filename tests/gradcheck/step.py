"""One training step in TFLM, with everything that it computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from converter.ir.training_ops import FRACTION
from converter.model import Operator, Tensor, write_model
from converter.passes.training_graph import TrainingGraph
from converter.proof.facts import RECORDS
from tflm_training._library import runtime


@dataclasses.dataclass
class Step:
    """before, after: id(tensor) -> content around the step (variables differ)."""

    training: TrainingGraph
    before: dict[int, np.ndarray]
    after: dict[int, np.ndarray]
    label: np.ndarray
    learning_rate: float

    @property
    def backward(self) -> list[Operator]:
        return self.training.backward

    @property
    def loss(self) -> float:
        return float(self.after[id(self.training.model.graph.outputs[-1])][0])

    def real_gradient(self, mantissa: Tensor, scale: Tensor) -> np.ndarray:
        sigma, max_abs = self.after[id(scale)]
        mantissas = self.after[id(mantissa)].astype(np.float64)
        if not max_abs:
            return np.zeros_like(mantissas)
        assert np.abs(mantissas).max(initial=0) <= max_abs
        return mantissas * float(sigma)

    def forward_values(self) -> dict[str, np.ndarray]:
        """By name, what the forward pass read and wrote; filters in two parts are whole again."""
        values: dict[str, np.ndarray] = {}
        for tensor in self.training.model.graph.tensors():
            content = self.before if tensor.is_variable else self.after
            values[tensor.name] = content[id(tensor)]
        for name in [n for n in values if n.endswith("/trained")]:
            whole = name.removesuffix("/trained")
            parts = [values[f"{whole}/{part}"] for part in ("trained", "frozen")]
            values[whole] = np.concatenate(parts, axis=-1)
        return values


def run_step(
    training: TrainingGraph, sample: np.ndarray, label: np.ndarray, learning_rate: float
) -> Step:
    """Initialise the weights by an inference, then train one step on one sample."""
    return run_steps(training, [(sample, label)], learning_rate)[0]


def run_steps(
    training: TrainingGraph, samples: Sequence[tuple[np.ndarray, np.ndarray]], learning_rate: float
) -> list[Step]:
    """The same with a step for each sample and label."""
    interpreter = runtime().Interpreter(write_model(training.model), None, True)
    tensors = training.model.graph.tensors()

    def snapshot() -> dict[int, np.ndarray]:
        return {
            id(t): t.data if t.data is not None else interpreter.tensor(i)
            for i, t in enumerate(tensors)
        }

    def invoke(sample: np.ndarray, label: np.ndarray, rate: float) -> None:
        interpreter.set_input(0, sample)
        interpreter.set_input(1, label)
        interpreter.set_input(2, np.array([rate], np.float32))
        interpreter.invoke()

    invoke(*samples[0], 0.0)
    steps = []
    for sample, label in samples:
        before = snapshot()
        invoke(sample, label, learning_rate)
        steps.append(Step(training, before, snapshot(), label, learning_rate))
    return steps


LEARNING_RATE = 0.01


def train_one(training: TrainingGraph, seed: int, learning_rate: float = LEARNING_RATE) -> Step:
    """One step on a random sample."""
    rng = np.random.default_rng(seed)
    sample, label, _ = training.model.graph.inputs
    if training.head.loss == "mse":
        target = rng.integers(-128, 128, label.shape).astype(np.int8)
    else:
        target = rng.integers(0, training.head.num_classes, label.shape).astype(np.int32)
    values = rng.integers(-128, 128, sample.shape).astype(np.int8)
    return run_step(training, values, target, learning_rate)


def rate_of_large_steps(step: Step) -> float:
    """The learning rate at which the largest steps are about half of what they are clamped to, in
    the layer that is the median of all."""
    shares = []
    for op in step.backward:
        if op.name.endswith("FILTER_UPDATE"):
            record = RECORDS[op.name]
            options = record.unpack(op.custom_options or b"")
            _, mantissa, scale, _, _, factor = (step.after[id(t)] for t in op.inputs[:6])
            products = np.abs(mantissa.astype(np.float64)).max() * float(scale[0]) * 100
            one = 1 if op.inputs[7] is None else FRACTION
            largest = step.learning_rate * products * float(factor.max())
            shares.append(largest / (options.clamp * one))
    middle = float(np.median(shares))
    return step.learning_rate * (0.5 / middle if middle > 0 else 1.0)
