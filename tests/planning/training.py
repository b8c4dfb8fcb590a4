"""Runs training flatbuffers in TFLite Micro."""

from __future__ import annotations

import json

import numpy as np

from converter.memory import HOST_64, predict_arena
from converter.model import Model, write_model
from converter.passes.training_graph import (
    Lowering,
    Source,
    TrainingGraph,
    build_training_graph,
    prepare,
)
from converter.search.scheme import parse_scheme
from tests.planning.random_nets import RandomNet, random_scheme
from tflm_training._library import runtime

_STEPS = 4


# Everything that the converter may make of a model: its own forward operators nowhere but in
# the trained part or everywhere, gradients of both widths, and accumulation.
LOWERINGS = (
    Lowering(whole=False, gradient_bits=16),
    Lowering(whole=True, gradient_bits=16),
    Lowering(whole=True, gradient_bits=8),
    Lowering(whole=True, gradient_bits=16, accumulate=3),
)


def training_graph(
    flatbuffer: bytes, update: str, loss: str | None = None, lowering: Lowering = LOWERINGS[0]
) -> TrainingGraph:
    source = Source(flatbuffer, "model", loss)
    return build_training_graph(source, parse_scheme(update, prepare(source).layers), lowering)


def random_training_graph(seed: int) -> TrainingGraph:
    """A random network with a random scheme and lowering."""
    source = Source(RandomNet(seed).flatbuffer(), "model")
    scheme = random_scheme(seed, prepare(source).layers)
    return build_training_graph(source, scheme, LOWERINGS[seed % len(LOWERINGS)])


def train(model: Model) -> list[np.ndarray]:
    """Trains a few steps; the outputs of each, then every variable by name. Requires that
    the arena is what was predicted."""
    interpreter = runtime().Interpreter(write_model(model))
    assert interpreter.arena_used_bytes() == predict_arena(model, HOST_64).total
    kind = json.loads(model.metadata["tflm_training"])
    random = np.random.default_rng(3)
    results: list[np.ndarray] = []
    source, label = interpreter.inputs()[:2]
    for _ in range(_STEPS):
        target = random.integers(-128, 128, label.shape).astype(label.dtype)
        if kind["loss"] != "mse":
            target = random.integers(0, kind["num_classes"], label.shape).astype(label.dtype)
        interpreter.set_input(0, random.integers(-128, 128, source.shape).astype(np.int8))
        interpreter.set_input(1, target)
        interpreter.set_input(2, np.array([0.05], np.float32))
        interpreter.invoke()
        results += [interpreter.get_output(i).copy() for i in range(len(interpreter.outputs()))]
    variables = sorted((t for t in interpreter.tensors() if t.is_variable), key=lambda t: t.name)
    return results + [interpreter.tensor(t.index).copy() for t in variables]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
