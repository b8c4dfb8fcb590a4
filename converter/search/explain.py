"""Says for each layer why the search took it or left it."""

from __future__ import annotations

from converter.ir.layers import Layer
from converter.rules.rule import LayerUpdate
from converter.search.estimate import NEVER, Estimator
from converter.search.gain import Gains, expected_gain
from converter.search.scheme import Scheme

_SLICE = 8


def explain(
    layers: list[Layer], gains: Gains, estimator: Estimator, budget: int, scheme: Scheme
) -> dict[int, str]:
    """Layer index -> a few words; the bytes are those that the arena would be smaller without
    the layer, or larger with the smallest useful part of it."""
    arena = estimator.arena(scheme)
    total = expected_gain(gains, scheme)
    first = min(scheme)
    densities = []
    why: dict[int, str] = {}
    for index, update in sorted(scheme.items()):
        rest = {i: u for i, u in scheme.items() if i != index}
        saved = arena - (estimator.arena(rest) if rest else 0)
        share = gains[index].of(update) / total if total and index in gains else 0.0
        if saved > 0:
            densities.append(gains[index].of(update) / saved if index in gains else 0.0)
        cost = "the only one" if not rest else f"for {_kilobytes(max(saved, 0))}"
        why[index] = f"in: {100 * share:.0f} % of the gain {cost}".replace("gain the", "gain, the")
    for layer in layers:
        if layer.index not in scheme:
            why[layer.index] = _why_out(
                layer, gains, estimator, budget, scheme, layer.index < first - 1, densities
            )
    return why


def _why_out(
    layer: Layer,
    gains: Gains,
    estimator: Estimator,
    budget: int,
    scheme: Scheme,
    is_far: bool,
    densities: list[float],
) -> str:
    if layer.index not in gains:
        return "out: no gradient reaches it"
    if is_far:
        return "out: before the first trained layer"
    smallest = _smallest_update(layer)
    gain = gains[layer.index].of(smallest)
    if gain <= 0.0:
        return "out: no gain"
    needed = estimator.arena({**scheme, layer.index: smallest})
    if needed >= NEVER:
        return "out: it cannot be differentiated"
    density = gain / max(needed - estimator.arena(scheme), 1)
    if needed <= budget or (densities and density < min(densities)):
        return "out: gain per byte too small"
    return f"out: {_kilobytes(needed - budget)} more than the budget"


def _smallest_update(layer: Layer) -> LayerUpdate:
    if layer.bias is not None:
        return layer.bias_update()
    return LayerUpdate(bias=False, channels=-(-layer.channels // _SLICE), of=layer.channels)


def _kilobytes(value: int) -> str:
    return f"{value / 1024:.1f} KB"
