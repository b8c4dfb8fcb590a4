"""Gains measured on data, against numbers that can be worked out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from converter.conversion import convert
from converter.errors import ConverterError
from converter.passes.training_graph import Source, prepare
from converter.rules.rule import LayerUpdate
from converter.search.auto import find_gains
from converter.search.gain import LEARNING_RATE, POWER
from converter.search.probe import Probe
from tests.zoo.int8 import zoo_model
from tflm_training import Trainer


def _nothing(done: float, total: int) -> None:
    pass


def _data(shape: tuple[int, ...], classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return random.integers(-128, 128, (12, *shape)).astype(np.int8), np.arange(12) % classes


def test_bias_of_the_head() -> None:
    """Its gradient is softmax - onehot."""
    flatbuffer = zoo_model("depthwise")
    x, y = _data((9, 10, 3), 5)
    probabilities = Trainer(convert(flatbuffer, update="last:1").flatbuffer).predict(x)
    information = np.square(probabilities.reshape(12, 5) - np.eye(5)[y]).sum(axis=1).mean()
    gains = find_gains(Source(flatbuffer, "net"), (x, y), _nothing)
    expected = information**POWER * (1 - LEARNING_RATE * information)
    assert gains[max(gains)].bias == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["depthwise", "residual", "dense"])
def test_probing_moves_no_weight(name: str) -> None:
    """Every layer has a gradient of the filter's shape, the same at the next call."""
    source = Source(zoo_model(name), name)
    probe = Probe(source)
    assert [layer.index for layer in probe.trained] == sorted(
        layer.index for layer in prepare(source).layers
    )
    sample = probe.interpreter.inputs()[0]
    random = np.random.default_rng(7)
    x = random.integers(-128, 128, sample.shape).astype(np.int8)
    label = np.array([1], np.int32)
    gradients = probe.run(x, label)
    before = _variables(probe)
    again = probe.run(x, label)
    for name_, value in _variables(probe).items():
        np.testing.assert_array_equal(value, before[name_])  # no weight moves
    for index, gradient in gradients.items():
        assert gradient.filter is not None
        layer = probe.training.layers[index]
        assert gradient.filter.shape == (layer.filter.elements // layer.channels, layer.channels)
        np.testing.assert_array_equal(gradient.filter, again[index].filter)


def _variables(probe: Probe) -> dict[str, np.ndarray]:
    return {
        t.name: probe.interpreter.tensor(t.index).copy()
        for t in probe.interpreter.tensors()
        if t.is_variable
    }


def test_gain_grows_with_the_channels() -> None:
    gains = find_gains(Source(zoo_model("residual"), "net"), _data((8, 8, 4), 4), _nothing)
    for gain in gains.values():
        assert gain.weights[0] == 0.0
        assert np.all(np.diff(gain.weights) >= 0.0)
        count = len(gain.weights) - 1
        update = LayerUpdate(bias=True, channels=count, of=count)
        assert gain.of(update) == pytest.approx(gain.weights[-1] + gain.bias)
    assert max(gain.weights[-1] for gain in gains.values()) > 0.0


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 5, 5, 1), np.int8), np.zeros(3, int), "x_train: shape"),
        (np.zeros((3, 8, 8, 4), np.int8), np.full(3, 9), "labels are in [0, 4)"),
        (np.zeros((3, 8, 8, 4), np.int8), None, "needs class labels"),
        (np.zeros((0, 8, 8, 4), np.int8), np.zeros(0, int), "no samples"),
        (np.full((1, 8, 8, 4), np.nan), np.zeros(1, int), "NaN"),
    ],
)
def test_data_that_cannot_be_used(x: np.ndarray, y: np.ndarray | None, message: str) -> None:
    with pytest.raises(ConverterError) as error:
        convert(zoo_model("residual"), budget=8000, data=(x, y))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_autoencoder_without_targets() -> None:
    x, _ = _data((24,), 2)
    converted = convert(zoo_model("autoencoder"), budget=3500, loss="mse", data=(x, None))
    assert converted.training.scheme and converted.arena.smallest_arena <= 3500
