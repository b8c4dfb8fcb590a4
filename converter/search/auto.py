"""`--update auto`: the scheme with the highest expected gain whose arena fits the budget."""

from __future__ import annotations

import dataclasses

from converter.errors import ConverterError
from converter.ir.layers import Layer
from converter.memory.arena import predict_arena
from converter.memory.targets import CORTEX_M
from converter.passes.differentiate import NoGradientError
from converter.passes.training_graph import Source, build_training_graph, prepare
from converter.rules.rule import LayerUpdate
from converter.search.estimate import Estimator
from converter.search.explain import explain
from converter.search.fit import Limit, fit
from converter.search.gain import Gains, best_update, expected_gain, structural_gains
from converter.search.measure import Data, measured_gains
from converter.search.probe import deepest_training_graph
from converter.search.scheme import Scheme, last
from converter.search.search import Progress, Search, last_layers_that_fit

_FINALISTS = 5


@dataclasses.dataclass(frozen=True)
class Choice:
    """What was chosen. why: layer index -> the reason why it is in or out, a few words."""

    scheme: Scheme
    gain: float
    why: dict[int, str]


def find_gains(source: Source, data: Data | None, progress: Progress) -> Gains:
    """Measured on `data`, or from structure without. Raises ConverterError."""
    if data is not None:
        return measured_gains(source, data, progress=progress)
    differentiable = deepest_training_graph(source)
    gains = structural_gains(prepare(source).layers)
    return {index: gain for index, gain in gains.items() if index in differentiable.scheme}


def choose_scheme(source: Source, limit: Limit, gains: Gains, progress: Progress) -> Choice:
    """The best scheme that `fit` confirms; never one with less gain than the best last:K.

    Raises ConverterError if not even the smallest update fits, with the bytes that it needs.
    """
    layers = prepare(source).layers
    estimator = Estimator(source, limit)

    def fits(scheme: Scheme) -> bool:
        try:
            return limit.holds(fit(source, scheme, limit).plan)
        except NoGradientError:
            return False

    if limit.budget is None:
        everything = {
            layer.index: best_update(layer, gains) for layer in layers if layer.index in gains
        }
        return Choice(everything, expected_gain(gains, everything), {})
    deepest = last_layers_that_fit(layers, fits)
    candidates = Search(layers, gains, estimator, limit.budget, progress).run()
    if deepest is not None:
        least = expected_gain(gains, deepest)
        candidates = [c for c in candidates if expected_gain(gains, c) > least]
    chosen = next((c for c in candidates[:_FINALISTS] if fits(c)), deepest)
    if chosen is None:
        chosen = _smallest(layers[-1])
        needed = fit(source, chosen, limit).plan.arena.smallest_arena
        if needed > limit.budget:
            raise _too_small(source, limit, layers[-1], needed)
    why = explain(layers, gains, estimator, limit.budget, chosen)
    return Choice(chosen, expected_gain(gains, chosen), why)


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
