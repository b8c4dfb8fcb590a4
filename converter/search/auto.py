"""`--update auto`: the scheme with the highest expected gain whose arena fits the budget."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from converter.errors import ConverterError, NoGradientError
from converter.ir.layers import Layer
from converter.memory.arena import predict_arena
from converter.memory.targets import CORTEX_M
from converter.passes.training_graph import Source, build_training_graph, prepare
from converter.rules.rule import LayerUpdate
from converter.search.estimate import Estimator, Key, scheme_key
from converter.search.explain import explain
from converter.search.fit import Limit, fit
from converter.search.gain import INT8_WORTH, Gains, best_update, expected_gain, structural_gains
from converter.search.measure import Data, measured_gains
from converter.search.probe import deepest_training_graph
from converter.search.scheme import Scheme, last
from converter.search.search import Progress, Search, last_layers_that_fit

if TYPE_CHECKING:
    from converter.search.trials import Trial

_FINALISTS = 5
_NONE = -math.inf


@dataclasses.dataclass(frozen=True)
class Choice:
    """What was chosen. why: layer index -> the reason why it is in or out, a few words;
    trials: the trial trainings that decided, if there were any."""

    scheme: Scheme
    gain: float
    why: dict[int, str]
    trials: tuple[Trial, ...] = ()


def find_gains(source: Source, data: Data | None, progress: Progress) -> Gains:
    """Measured on `data`, or from structure without. Raises ConverterError."""
    if data is not None:
        return measured_gains(source, data, progress=progress)
    differentiable = deepest_training_graph(source)
    gains = structural_gains(prepare(source).layers)
    return {index: gain for index, gain in gains.items() if index in differentiable.scheme}


def choose_scheme(source: Source, limit: Limit, gains: Gains, progress: Progress) -> Choice:
    """The best scheme that `fit` confirms; never one with less gain than the best last:K.

    A scheme that only fits with int8 gradients counts INT8_WORTH of its gain. Raises
    ConverterError if not even the smallest update fits, with the bytes that it needs.
    """
    layers = prepare(source).layers
    if limit.budget is None:
        everything = {
            layer.index: best_update(layer, gains) for layer in layers if layer.index in gains
        }
        return Choice(everything, expected_gain(gains, everything), {})
    judge = _Judge(source, limit, gains)
    deepest = last_layers_that_fit(layers, lambda scheme: judge.gain(scheme) > _NONE)
    best = deepest or _smallest(layers[-1])
    estimators = {low.gradient_bits: Estimator(source, low) for low in limit.lowerings()[1:]}
    for estimator in estimators.values():
        for scheme in Search(layers, gains, estimator, limit.budget, progress).run()[:_FINALISTS]:
            if judge.gain(scheme) > _NONE:
                best = max(best, scheme, key=judge.gain)
                break
    if judge.gain(best) == _NONE:
        needed = fit(source, best, limit).plan.arena.smallest_arena
        raise _too_small(source, limit, layers[-1], needed)
    why = explain(layers, gains, estimators[judge.bits(best)], limit.budget, best)
    return Choice(best, judge.gain(best), why)


def choose_last_layers(source: Source, limit: Limit, gains: Gains) -> Choice | None:
    """The deepest last:K that fits, None if none does. For a limit with a budget."""
    assert limit.budget is not None
    layers = prepare(source).layers
    judge = _Judge(source, limit, gains)
    deepest = last_layers_that_fit(layers, lambda scheme: judge.gain(scheme) > _NONE)
    if deepest is None:
        return None
    estimator = Estimator(source, fit(source, deepest, limit, is_draft=True).lowering)
    why = explain(layers, gains, estimator, limit.budget, deepest)
    return Choice(deepest, judge.gain(deepest), why)


class _Judge:
    """What schemes are worth as `fit` makes them, remembered."""

    def __init__(self, source: Source, limit: Limit, gains: Gains) -> None:
        self._source = source
        self._limit = limit
        self._gains = gains
        self._known: dict[Key, tuple[float, int]] = {}

    def gain(self, scheme: Scheme) -> float:
        """_NONE if it does not fit."""
        return self._judge(scheme)[0]

    def bits(self, scheme: Scheme) -> int:
        """Of its gradients."""
        return self._judge(scheme)[1]

    def _judge(self, scheme: Scheme) -> tuple[float, int]:
        key = scheme_key(scheme)
        if key not in self._known:
            self._known[key] = self._fit(scheme)
        return self._known[key]

    def _fit(self, scheme: Scheme) -> tuple[float, int]:
        try:
            fitted = fit(self._source, scheme, self._limit, is_draft=True)
        except NoGradientError:
            return _NONE, 0
        bits = fitted.lowering.gradient_bits
        if not self._limit.holds(fitted.plan):
            return _NONE, bits
        worth = INT8_WORTH if bits == 8 else 1.0
        return worth * expected_gain(self._gains, scheme), bits


def _smallest(layer: Layer) -> Scheme:
    if layer.bias is not None:
        return {layer.index: layer.bias_update()}
    return {layer.index: LayerUpdate(bias=False, channels=1, of=layer.channels)}


def _too_small(source: Source, limit: Limit, layer: Layer, needed: int) -> ConverterError:
    inference = predict_arena(prepare(source).model, CORTEX_M).smallest_arena
    return ConverterError(
        f"{source.name}: the smallest update (of layer {layer.name} alone) needs {needed} bytes of "
        f"arena, the budget is {limit.budget} (inference alone takes {inference} in TFLM); raise "
        "--budget or use a smaller model"
    )


def deepest_that_works(source: Source) -> str:
    """For messages: the deepest last:K that has all its gradient rules."""
    layers = prepare(source).layers
    for count in range(len(layers), 0, -1):
        try:
            build_training_graph(source, last(layers, count))
        except NoGradientError:
            continue
        return f"the deepest update that works is --update last:{count}"
    return "no update of this model works"
