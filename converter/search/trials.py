"""Short trial trainings: the finalists of `auto` are trained on the user's data and compared.

No predictor that was tried (converter.search.gain) ranks schemes well on every task, so with data
the search runs once with measured gains and once with those from structure; what both
found and the deepest last:K are trained for at most EPOCHS epochs on this computer, in TFLite
Micro, on a part of the data; the best one on the part that was held out is chosen.

The learning rate of a trial is the best of LEARNING_RATES, tried from the largest on for as long
as it helps.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from converter.errors import ConverterError
from converter.model import write_model
from converter.passes.training_graph import Source, prepare
from converter.search.auto import Choice, choose_last_layers, choose_scheme, find_gains
from converter.search.estimate import scheme_key
from converter.search.fit import Limit, fit
from converter.search.gain import Gains
from converter.search.measure import Data
from converter.search.search import Progress

LEARNING_RATES = (0.02, 0.005, 0.001)
EPOCHS = 2
HELD_OUT = 0.25
MAX_HELD_OUT = 500
# About so many multiply-accumulates a training: seconds.
MACS = 8e9
_MIN_SAMPLES = 50
_BACKWARD = 2  # MACs of a full backward pass for each one of the forward pass


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a scheme reached on held-out data. origin: how it was found; metric: accuracy (0 to
    1) or, for mse, the mean squared error."""

    origin: str
    learning_rate: float
    metric: float
    is_regression: bool

    @property
    def score(self) -> float:
        """Higher is better; what is no number is worst."""
        if not np.isfinite(self.metric):
            return -np.inf
        return -self.metric if self.is_regression else self.metric


class Trials:
    """Data split for trials; the same for every scheme, drawn by `seed`."""

    def __init__(self, source: Source, data: Data, seed: int = 0) -> None:
        x, y = data
        self._seed = seed
        order = np.random.default_rng(seed).permutation(len(x))
        held_out = min(MAX_HELD_OUT, max(1, round(HELD_OUT * len(x))))
        steps = MACS / ((1 + _BACKWARD) * sum(layer.macs for layer in prepare(source).layers))
        count = max(_MIN_SAMPLES, int(steps / EPOCHS))
        self._train = _part(x, y, order[held_out:][:count])
        self._test = _part(x, y, order[:held_out])

    def run(self, flatbuffer: bytes, origin: str) -> Trial:
        """The best trial of one training flatbuffer. Raises ConverterError for data that it
        cannot take."""
        best: Trial | None = None
        for learning_rate in LEARNING_RATES:
            trial = self._train_once(flatbuffer, origin, learning_rate)
            if best is not None and trial.score <= best.score:
                break
            best = trial
        assert best is not None
        return best

    def _train_once(self, flatbuffer: bytes, origin: str, learning_rate: float) -> Trial:
        from tflm_training import Trainer
        from tflm_training.data import DataError

        trainer = Trainer(flatbuffer, seed=self._seed)
        try:
            trainer.fit(*self._train, epochs=EPOCHS, learning_rate=learning_rate)
            result = trainer.evaluate(*self._test)
        except DataError as error:
            raise ConverterError(f"--data: {error}") from error
        metric = result["mse" if trainer.is_regression else "accuracy"]
        return Trial(origin, learning_rate, metric, trainer.is_regression)


def choose_by_trials(
    source: Source, limit: Limit, gains: Gains, data: Data, progress: Progress
) -> Choice:
    """The finalist that trains best; with it, in `trials`, what all of them reached. Raises
    ConverterError as choose_scheme does."""
    structural = find_gains(source, None, progress)
    choices = {
        "measured gradients": choose_scheme(source, limit, gains, progress),
        "structure": choose_scheme(source, limit, structural, progress),
        "last layers": choose_last_layers(source, limit, gains),
    }
    finalists: dict[str, Choice] = {}
    for origin, choice in choices.items():
        known = [scheme_key(finalist.scheme) for finalist in finalists.values()]
        if choice is not None and scheme_key(choice.scheme) not in known:
            finalists[origin] = choice
    if len(finalists) == 1:
        return next(iter(finalists.values()))
    trials = Trials(source, data)
    found: dict[str, Trial] = {}
    for done, (origin, choice) in enumerate(finalists.items()):
        progress(done, len(finalists))
        flatbuffer = write_model(fit(source, choice.scheme, limit).training.model)
        found[origin] = trials.run(flatbuffer, origin)
    best = max(found, key=lambda origin: found[origin].score)
    return dataclasses.replace(finalists[best], trials=tuple(found.values()))


def _part(x: np.ndarray, y: np.ndarray | None, indices: np.ndarray) -> Data:
    return x[indices], None if y is None else y[indices]
