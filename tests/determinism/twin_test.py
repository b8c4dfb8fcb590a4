"""Hundreds of steps of the kernels are those of their NumPy twins, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import converter
from benchmarks import subjects
from benchmarks.determinism.__main__ import Run, host_run, twin_run
from benchmarks.subjects import Subject
from examples.digits.demo import MODEL
from tests.zoo.int8 import zoo_model
from tests.zoo.keras_models import MODELS

_STEPS = 500
_ZOO_STEPS = 60
# Every operator of their forward pass has a line in twin_net.py.
_ZOO = (
    *("dense", "conv_2d", "depthwise", "pooled", "dilated", "conv_1d", "binary"),
    *("batch_normalised", "embedding_of_steps", "residual", "autoencoder"),
)


def _assert_equal(host: Run, twin: Run) -> None:
    np.testing.assert_array_equal(host.losses, twin.losses)
    assert host.variables == twin.variables


@pytest.mark.parametrize("weight_bits", [8, 16])
def test_digits(weight_bits: int) -> None:
    subject = subjects.digits(weight_bits)
    host, twin = host_run(subject, _STEPS), twin_run(subject, _STEPS)
    _assert_equal(host, twin)
    assert len(host.losses) == _STEPS and np.all(np.isfinite(host.losses))
    # It has learned, so these are the steps of a training and not of a standstill.
    assert host.losses[-100:].mean() < 0.4 * host.losses[:100].mean()
    assert host_run(subject, 1).variables != host.variables


@pytest.mark.parametrize(
    ("options", "steps"), [({"gradient_bits": 8}, 200), ({"accumulate": 7}, 24)]
)
def test_other_conversions_of_whole_layers(options: dict[str, int], steps: int) -> None:
    flatbuffer = converter.convert(MODEL.read_bytes(), update="all", **options).flatbuffer  # type: ignore
    known = subjects.digits()
    subject = Subject("digits", flatbuffer, known.x, known.y, known.classes)
    _assert_equal(host_run(subject, steps), twin_run(subject, steps))


@pytest.mark.parametrize("name", _ZOO)
def test_other_operators(name: str) -> None:
    loss = "mse" if name == "autoencoder" else None
    flatbuffer = converter.convert(zoo_model(name), update="all", loss=loss).flatbuffer
    generator = np.random.default_rng(3)
    shape = MODELS[name]().input_shape[1:]
    x = generator.standard_normal((_ZOO_STEPS, *shape)).astype(np.float32)
    y = x if loss else generator.integers(0, 2, _ZOO_STEPS)
    subject = Subject(name, flatbuffer, x, y, 2)
    host = host_run(subject, _ZOO_STEPS)
    _assert_equal(host, twin_run(subject, _ZOO_STEPS))
    assert host_run(subject, 1).variables != host.variables


def test_one_sample_more_is_noticed() -> None:
    subject = subjects.digits()
    host, other = host_run(subject, 50), twin_run(subject, 51)
    assert host.digests()[0] != other.digests()[0]
    with pytest.raises(AssertionError):
        _assert_equal(host, other)
