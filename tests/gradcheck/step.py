"""One training step in TFLM, with everything that it computed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from converter.ir.training_ops import TRAINING_OPS
from converter.memory import OFFLINE_PLAN
from converter.model import Model, Operator, Tensor, read_model, write_model
from converter.model.graph import Graph
from tflm_training._library import runtime

CUSTOM_CODES = {options.CUSTOM_CODE for options in TRAINING_OPS}


@dataclasses.dataclass
class Step:
    """before, after: id(tensor) -> content around the step (variables differ)."""

    graph: Graph
    before: dict[int, np.ndarray]
    after: dict[int, np.ndarray]
    label: np.ndarray
    learning_rate: float

    @property
    def forward(self) -> list[Operator]:
        return [op for op in self.graph.operators if op.name not in CUSTOM_CODES]

    @property
    def backward(self) -> list[Operator]:
        return [op for op in self.graph.operators if op.name in CUSTOM_CODES]

    @property
    def loss(self) -> float:
        return float(self.after[id(self.graph.outputs[-1])][0])

    def real_gradient(self, mantissa: Tensor, scale: Tensor) -> np.ndarray:
        sigma, max_abs = self.after[id(scale)]
        mantissas = self.after[id(mantissa)].astype(np.float64)
        assert np.abs(mantissas).max(initial=0) <= max_abs
        return mantissas * float(sigma) if max_abs else np.zeros_like(mantissas)


def loss_name(model: Model) -> str:
    return str(json.loads(model.metadata["tflm_training"])["loss"])


def run_step(
    flatbuffer: bytes, sample: np.ndarray, label: np.ndarray, learning_rate: float
) -> Step:
    """Initialise the weights by an inference, then train one step on one sample."""
    model = read_model(flatbuffer)
    model.metadata.pop(OFFLINE_PLAN, None)  # only without a plan can all tensors be kept
    graph = model.graph
    interpreter = runtime().Interpreter(write_model(model), None, True)
    tensors = graph.tensors()

    def snapshot() -> dict[int, np.ndarray]:
        return {
            id(t): t.data if t.data is not None else interpreter.tensor(i)
            for i, t in enumerate(tensors)
        }

    def invoke(rate: float) -> None:
        interpreter.set_input(0, sample)
        interpreter.set_input(1, label)
        interpreter.set_input(2, np.array([rate], np.float32))
        interpreter.invoke()

    invoke(0.0)
    before = snapshot()
    invoke(learning_rate)
    return Step(graph, before, snapshot(), label, learning_rate)
