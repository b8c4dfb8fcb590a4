"""Trial trainings: the finalist that trains best on held-out data is chosen."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from converter.conversion import convert
from converter.errors import ConverterError
from converter.passes.training_graph import Source
from converter.search import trials
from converter.search.auto import find_gains
from converter.search.fit import Limit
from converter.search.measure import Data
from converter.search.trials import LEARNING_RATES, Trial, Trials, choose_by_trials
from tests.zoo.int8 import zoo_model

BUDGET = 5200


def _nothing(done: float, total: int) -> None:
    pass


def _data(count: int = 60) -> Data:
    """Two kinds of images that a trained network tells apart."""
    random = np.random.default_rng(0)
    y = np.arange(count) % 2
    x = random.integers(-40, 40, (count, 8, 8, 4)) + 60 * (2 * y[:, None, None, None] - 1)
    return x.astype(np.int8), y


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(zoo_model("residual"), "residual")


def test_the_best_trial_decides(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever finalist reaches most is the one that is returned."""
    data = _data()
    gains = find_gains(source, data, _nothing)
    schemes = []
    for winner in ("measured gradients", "structure", "last layers"):

        def run(self: Trials, flatbuffer: bytes, origin: str, winner: str = winner) -> Trial:
            return Trial(origin, 0.02, 0.9 if origin == winner else 0.5, False)

        monkeypatch.setattr(Trials, "run", run)
        choice = choose_by_trials(source, Limit(BUDGET), gains, data, _nothing)
        origins = [trial.origin for trial in choice.trials]
        assert origins == list(dict.fromkeys(origins)) and len(origins) > 1
        if winner in origins:
            schemes.append(choice.scheme)
    assert len(schemes) > 1 and schemes[0] != schemes[-1]


def test_a_conversion_tells_of_its_trials(source: Source) -> None:
    x, y = _data()
    first, second = (convert(source.data, budget=BUDGET, data=(x, y)) for _ in range(2))
    assert first.flatbuffer == second.flatbuffer
    assert first.trials == second.trials and len(first.trials) > 1
    assert all(trial.learning_rate in LEARNING_RATES for trial in first.trials)
    assert max(trial.metric for trial in first.trials) > 0.8
    assert convert(source.data, budget=BUDGET).trials == ()


def test_smaller_learning_rates_are_tried_while_they_help(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = {LEARNING_RATES[0]: 0.5, LEARNING_RATES[1]: 0.7, LEARNING_RATES[2]: 0.6}
    asked = []

    def train_once(self: Trials, flatbuffer: bytes, origin: str, learning_rate: float) -> Trial:
        asked.append(learning_rate)
        return Trial(origin, learning_rate, reached[learning_rate], False)

    monkeypatch.setattr(Trials, "_train_once", train_once)
    assert Trials(source, _data()).run(b"", "structure").learning_rate == LEARNING_RATES[1]
    assert tuple(asked) == LEARNING_RATES
    asked.clear()
    reached[LEARNING_RATES[1]] = 0.4
    assert Trials(source, _data()).run(b"", "structure").metric == 0.5
    assert tuple(asked) == LEARNING_RATES[:2]


def test_no_number_never_wins() -> None:
    trial = Trial("structure", 0.02, 0.3, False)
    worse = dataclasses.replace(trial, metric=math.nan)
    assert worse.score < trial.score
    error = dataclasses.replace(trial, is_regression=True)
    assert error.score > dataclasses.replace(error, metric=0.4).score
    assert error.score > dataclasses.replace(error, metric=math.inf).score


def test_held_out_samples_are_not_trained_on(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MACS", 0.0)
    x = np.arange(400).reshape(-1, 1)
    split = Trials(source, (x, None))
    train, test = split._train[0].ravel(), split._test[0].ravel()
    assert len(train) == 50 and len(test) == 100
    assert not set(train) & set(test)


def test_data_that_cannot_be_used_is_one_line(source: Source) -> None:
    x, y = _data()
    with pytest.raises(ConverterError, match=r"^--data: y_train.*$"):
        Trials(source, (x, y + 100)).run(convert(source.data, update="last:1").flatbuffer, "x")
