"""With --accumulate N the applied update is that of the mean gradient of N samples."""

from __future__ import annotations

import numpy as np
import pytest

from converter.ir.training_ops import FRACTION, ApplyUpdates
from converter.model import Tensor
from converter.passes.training_graph import Lowering, Source, build_training_graph, prepare
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme, parse_scheme
from tests.gradcheck.check import Check
from tests.gradcheck.step import Step, run_steps
from tests.zoo.int8 import zoo_model

_SAMPLES = 4
_LEARNING_RATE = 0.1
_TOLERANCE = 5e-3  # of the largest gradient of a tensor, as for single steps


def _steps(source: Source, scheme: Scheme) -> list[Step]:
    training = build_training_graph(source, scheme, Lowering(accumulate=_SAMPLES))
    rng = np.random.default_rng(1)
    sample, label = training.model.graph.inputs[:2]
    samples = []
    for _ in range(_SAMPLES):
        if training.head.loss == "mse":
            target = rng.integers(-128, 128, label.shape).astype(np.int8)
        else:
            target = rng.integers(0, training.head.num_classes, label.shape).astype(np.int32)
        samples.append((rng.integers(-128, 128, sample.shape).astype(np.int8), target))
    return run_steps(training, samples, _LEARNING_RATE)


def _scales(tensor: Tensor) -> np.ndarray:
    assert tensor.quantization is not None
    scale, axis = tensor.quantization.scale, tensor.quantization.quantized_dimension
    if scale.size == 1:
        return scale
    return scale.reshape([-1 if i == axis else 1 for i in range(len(tensor.shape))])


def _check(source: Source, scheme: Scheme) -> int:
    steps = _steps(source, scheme)
    first, last = steps[0], steps[-1]
    # Nothing but what is pending moves before the last sample.
    for step in steps[:-1]:
        moved = [
            t.name
            for t in first.training.model.graph.tensors()
            if t.is_variable and not np.array_equal(step.after[id(t)], first.before[id(t)])
        ]
        assert moved
        allowed = ("random_state", "accumulated_samples")
        assert all("/pending" in name or name in allowed for name in moved)
    tapes = [Check(source, step, _TOLERANCE) for step in steps]
    (apply,) = (op for op in last.backward if op.name == ApplyUpdates.CUSTOM_CODE)
    assert apply.inputs[3] is not None and apply.inputs[3].data is not None
    original = {t.name: t for t in prepare(source).model.graph.tensors()}
    moved_most = 0.0
    for i, (clamp, _) in zip(range(4, len(apply.inputs), 3), apply.inputs[3].data, strict=True):
        parameter, pending, fraction = apply.inputs[i : i + 3]
        assert parameter is not None and pending is not None
        whole = original[parameter.name.removesuffix("/trained")]
        gradient = np.mean([tape.expected(whole.name) for tape in tapes], axis=0)
        unclamped = (-_LEARNING_RATE * gradient / _scales(whole))[..., : parameter.shape[-1]]
        wanted = np.clip(unclamped, -clamp, clamp)
        before = first.before[id(parameter)].astype(np.int64)
        change = last.after[id(parameter)] - before
        assert not last.after[id(pending)].any()
        slack = _TOLERANCE * np.abs(unclamped).max()
        if fraction is None:
            slack += _SAMPLES  # each share is rounded, at random, to an LSB
        else:
            rest = last.after[id(fraction)] / FRACTION
            slack += _SAMPLES / FRACTION
            wanted = np.clip(before + wanted, -127, 127) - before
            np.testing.assert_array_equal(change, np.floor(change + rest + 0.5))
            change = change + rest
            moved_most = max(moved_most, np.abs(change).max())
        assert np.abs(change - wanted).max() <= slack, parameter.name
    assert moved_most > 1.0  # else nothing was compared but rests
    return int(apply.inputs[3].data.shape[0])


@pytest.mark.parametrize("name", ["residual", "depthwise", "batch_normalised"])
def test_the_update_is_that_of_the_mean_gradient(name: str) -> None:
    source = Source(zoo_model(name), name)
    assert _check(source, parse_scheme("last:3", prepare(source).layers)) >= 4


def test_a_regressor() -> None:
    source = Source(zoo_model("autoencoder"), "autoencoder", "mse")
    assert _check(source, parse_scheme("all", prepare(source).layers)) == 8


def test_slices_of_channels() -> None:
    source = Source(zoo_model("residual"), "residual")
    layers = prepare(source).layers
    scheme = {x.index: LayerUpdate(True, -(-x.channels // 2), x.channels) for x in layers}
    assert _check(source, scheme) == 2 * len(layers)
