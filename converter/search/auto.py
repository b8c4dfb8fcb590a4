"""`--update auto`: the deepest last:K whose arena fits the budget."""

from __future__ import annotations

from collections.abc import Callable

from converter.errors import ConverterError
from converter.ir.layers import Layer
from converter.memory.arena import predict_arena
from converter.memory.targets import CORTEX_M
from converter.passes.differentiate import NoGradientError
from converter.passes.training_graph import Source, build_training_graph, prepare
from converter.search.fit import Limit, fit
from converter.search.scheme import Scheme, last

Progress = Callable[[int, int], None]
"""Called with (candidates tried, candidates at most)."""


def choose_scheme(source: Source, limit: Limit, progress: Progress) -> Scheme:
    """The largest K for which last:K can be differentiated and fits.

    The arena grows with K, so the first K that fails ends the search. Raises ConverterError
    if not even last:1 fits, with the bytes that it would need.
    """
    layers = prepare(source).layers
    best: Scheme | None = None
    for count in range(1, len(layers) + 1):
        progress(count, len(layers))
        scheme = last(layers, count)
        try:
            plan = fit(source, scheme, limit).plan
        except NoGradientError:
            if best is None:
                raise
            break
        if not limit.holds(plan):
            if best is None:
                raise _too_small(source, limit, layers[-1], plan.arena.smallest_arena)
            break
        best = scheme
    assert best is not None
    return best


def _too_small(source: Source, limit: Limit, layer: Layer, needed: int) -> ConverterError:
    inference = predict_arena(prepare(source).model, CORTEX_M).smallest_arena
    return ConverterError(
        f"{source.name}: the smallest update (last:1, layer {layer.name}) needs {needed} bytes of "
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
