"""Thousands of steps with changing labels: the benchmark's own loop on the bundled digits."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from benchmarks import subjects
from benchmarks.long_run import LongRun, Plan, draw, take

_PLAN = Plan(steps=5000, period=1000, learning_rate=0.01)
_TENTHS = 10


@functools.cache
def _run(weight_bits: int) -> LongRun:
    return take(subjects.digits(weight_bits), _PLAN)


@pytest.mark.parametrize("weight_bits", [8, 16])
def test_each_change_of_labels_is_learned(weight_bits: int) -> None:
    run = _run(weight_bits)
    assert run.faults() == [] and run.points[-1].step == _PLAN.steps
    periods = np.array([point.loss for point in run.points]).reshape(-1, _TENTHS)
    assert len(periods) == _PLAN.steps // _PLAN.period
    # As bad as a guess of ten (2.3) or worse at first, and much better at the end of each.
    assert np.all(periods[:, 0] > 2.0)
    assert np.all(periods[:, -1] < 0.6 * periods[:, 0]), periods[:, [0, -1]]


@pytest.mark.parametrize("weight_bits", [8, 16])
def test_weights_do_not_stick(weight_bits: int) -> None:
    run = _run(weight_bits)
    shares = [point.at_limit for point in (run.start, *run.points)]
    # The largest weight of each channel is at its limit by quantisation.
    assert 0 < shares[0] < 0.06 and max(shares) < 0.06, shares
    left = run.start.at_limit - run.points[-1].stayed(run.start)
    assert left > 0.5 * run.start.at_limit


def test_a_repetition_is_identical() -> None:
    again = take(subjects.digits(), _PLAN)
    assert again.digests == _run(8).digests and len(set(again.digests)) == _TENTHS
    assert [point.loss for point in again.points] == [point.loss for point in _run(8).points]
    other = Plan(_PLAN.period, _PLAN.period, 1.001 * _PLAN.learning_rate)
    assert take(subjects.digits(), other).points[-1].loss != again.points[_TENTHS - 1].loss


def test_the_figure(tmp_path) -> None:
    draw({"digits": _run(8)}, _PLAN, tmp_path / "run.svg")
    text = (tmp_path / "run.svg").read_text()
    assert "training loss" in text and "labels change every 1,000" in text
