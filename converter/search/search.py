"""Searches the scheme with the highest expected gain whose arena is within the budget.

1. Lagrange multipliers. With a price on each byte, the best choice of every layer is a matter of
   that layer alone; a bisection finds the lowest price at which the whole fits. Bytes of
   saved activations cost only where they raise the peak, so several shares of their price
   are tried, and several depths, of which the best ones are refined.
2. Local search from the best few: what still fits is added, most gain per byte first; then,
   with a seeded generator, something is taken out and the room filled again, and kept if the gain
   rises.

This does in tens of evaluations what the evolutionary search of "On-Device Training Under
256KB Memory" (section 3.2) does in thousands, so that each can build the real graph. The
result depends on nothing but the model, the limit, the gains and the seed.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator

import numpy as np

from converter.ir.layers import Layer
from converter.passes.training_graph import Lowering
from converter.rules.convolution import input_of
from converter.rules.rule import LayerUpdate
from converter.search.estimate import NEVER, Estimator
from converter.search.gain import Gains, expected_gain
from converter.search.scheme import Scheme, last

EVALUATIONS = 90
_LEVELS = 8  # of the channels of a layer
_DEPTHS = 6
_SAVED_SHARES = (0.25, 0.0)
_BISECTIONS = 5
_OPERATOR_BYTES = 100  # what an update operator takes from the tail

Progress = Callable[[int, int], None]
"""Called with (evaluations done, evaluations at most)."""


@dataclasses.dataclass(frozen=True)
class Option:
    """What one layer may train. variable, saved: bytes that live through the whole step, and
    from the forward to the backward pass."""

    update: LayerUpdate
    gain: float
    variable: int
    saved: int


def layer_options(layer: Layer, gains: Gains, lowering: Lowering) -> list[Option]:
    """The frozen layer, then every step of channels with and without the bias."""
    frozen = LayerUpdate(False, 0, layer.channels)
    options = [Option(frozen, 0.0, 0, 0)]
    if layer.index not in gains:
        return options
    steps = sorted({-(-layer.channels * i // _LEVELS) for i in range(_LEVELS + 1)})
    for channels in steps:
        for bias in (False, True) if layer.bias is not None else (False,):
            update = LayerUpdate(bias, channels, layer.channels)
            if not update.is_frozen:
                gain = gains[layer.index].of(update)
                options.append(Option(update, gain, *_bytes(layer, update, lowering)))
    return options


def _bytes(layer: Layer, update: LayerUpdate, lowering: Lowering) -> tuple[int, int]:
    variable = lowering.weight_bytes * layer.filter.bytes * update.channels // update.of
    variable += _OPERATOR_BYTES * (update.bias + (update.channels > 0))
    if update.bias:
        variable += lowering.bias_bytes * layer.shape[-1]
    return variable, input_of(layer.operator).bytes * update.channels // update.of


def _holds(scheme: Scheme, part: Scheme) -> bool:
    """Whether the scheme trains all that `part` does; it then takes no less arena."""
    for index, update in part.items():
        own = scheme.get(index)
        if own is None or own.channels < update.channels or own.bias < update.bias:
            return False
    return True


class Search:
    """layers: of the model as it is (`prepare`); gains: one for each layer that may be trained."""

    def __init__(
        self,
        layers: list[Layer],
        gains: Gains,
        estimator: Estimator,
        budget: int,
        progress: Progress,
        seed: int = 0,
    ) -> None:
        self._layers = layers
        self._gains = gains
        self._options = [layer_options(layer, gains, estimator.lowering) for layer in layers]
        self._estimator = estimator
        self._budget = budget
        self._progress = progress
        self._random = random.Random(seed)
        self._found: dict[float, Scheme] = {}
        self._too_large: list[Scheme] = []

    def run(self) -> list[Scheme]:
        """Schemes that fit by the estimate, from the most gain downwards."""
        count = len(self._layers)
        depths = np.unique(np.linspace(1, count, min(count, _DEPTHS)).round().astype(int))
        best_of = {int(depth): self._best_price(int(depth), 1.0) for depth in depths}
        ranked = sorted(best_of, key=lambda depth: (-best_of[depth], depth))[:2]
        gap = max(1, count // (2 * _DEPTHS))
        for depth in ranked:
            for other in (depth - gap, depth + gap):
                if 1 <= other <= count and other not in best_of:
                    best_of[other] = self._best_price(other, 1.0)
        ranked = sorted(best_of, key=lambda depth: (-best_of[depth], depth))[:2]
        for depth in ranked:
            for share in _SAVED_SHARES:
                self._best_price(depth, share)
        for scheme in self._schemes()[:2]:
            self._keep(self._fill(scheme))
        self._evolve()
        return self._schemes()

    def _schemes(self) -> list[Scheme]:
        return [self._found[gain] for gain in sorted(self._found, reverse=True)]

    def _keep(self, scheme: Scheme) -> float:
        gain = expected_gain(self._gains, scheme)
        if scheme:
            self._found.setdefault(gain, scheme)
        return gain

    def _fits(self, scheme: Scheme) -> bool:
        if any(_holds(scheme, smaller) for smaller in self._too_large):
            return False
        arena = self._estimator.arena(scheme)
        self._progress(min(self._estimator.evaluations, EVALUATIONS), EVALUATIONS)
        if arena > self._budget:
            self._too_large.append(scheme)
        return arena <= self._budget

    def _is_spent(self) -> bool:
        return self._estimator.evaluations >= EVALUATIONS

    def _best_price(self, depth: int, saved_share: float) -> float:
        """Keep the best of the schemes within the last `depth` layers; its gain."""
        options = self._options[len(self._layers) - depth :]
        costs = [
            np.array([o.variable + saved_share * o.saved for o in choice]) for choice in options
        ]
        values = [np.array([o.gain for o in choice]) for choice in options]
        densities = [v[1:] / c[1:] for v, c in zip(values, costs, strict=True) if len(v) > 1]
        if not densities:
            return 0.0
        low, high = 0.0, max(float(d.max()) for d in densities) * 2
        best = 0.0
        for step in range(_BISECTIONS + 1):
            # The first price is zero: everything, if it fits.
            price = 0.0 if step == 0 else float(np.sqrt(max(low, high * 1e-4) * high))
            scheme = {}
            for layer, choice, v, c in zip(
                self._layers[len(self._layers) - depth :], options, values, costs, strict=True
            ):
                chosen = choice[int(np.argmax(v - price * c))].update
                if not chosen.is_frozen:
                    scheme[layer.index] = chosen
            if not scheme or (self._is_small_enough(scheme) and self._fits(scheme)):
                best = max(best, self._keep(scheme))
                high = price
                if step == 0:
                    break
            else:
                low = price
        return best

    def _is_small_enough(self, scheme: Scheme) -> bool:
        return sum(self._bytes(self._layers[i], u)[0] for i, u in scheme.items()) < self._budget

    def _moves(self, scheme: Scheme) -> Iterator[tuple[float, int, LayerUpdate]]:
        """(gain per byte, layer, what it would train) of all that trains more there."""
        for layer, choice in zip(self._layers, self._options, strict=True):
            present = scheme.get(layer.index, choice[0].update)
            gain, size = self._gain_and_bytes(layer, present)
            for option in choice[1:]:
                update = option.update
                grows = update.channels >= present.channels and update.bias >= present.bias
                if grows and option.gain > gain:
                    added = max(option.variable + option.saved - size, 1)
                    yield (option.gain - gain) / added, layer.index, update

    def _bytes(self, layer: Layer, update: LayerUpdate) -> tuple[int, int]:
        return _bytes(layer, update, self._estimator.lowering)

    def _gain_and_bytes(self, layer: Layer, update: LayerUpdate) -> tuple[float, int]:
        if update.is_frozen:
            return 0.0, 0
        return self._gains[layer.index].of(update), sum(self._bytes(layer, update))

    def _fill(self, scheme: Scheme, banned: int = -1) -> Scheme:
        """Add what fits, most gain per byte first."""
        failed: set[tuple[int, LayerUpdate]] = set()
        while not self._is_spent():
            slack = self._budget - self._estimator.arena(scheme) if scheme else self._budget
            moves = sorted(
                (-density, index, update.channels, update.bias, update)
                for density, index, update in self._moves(scheme)
                if (index, update) not in failed and index != banned
            )
            chosen = self._first_that_fits(scheme, moves, slack, failed)
            if chosen is None:
                return scheme
            scheme = chosen
        return scheme

    def _first_that_fits(
        self,
        scheme: Scheme,
        moves: list[tuple[float, int, int, bool, LayerUpdate]],
        slack: int,
        failed: set[tuple[int, LayerUpdate]],
    ) -> Scheme | None:
        for _, index, _, _, update in moves:
            layer = self._layers[index]
            before = scheme.get(index, LayerUpdate(False, 0, layer.channels))
            added = self._bytes(layer, update)[0] - self._bytes(layer, before)[0]
            trial = {**scheme, index: update}
            if added - _OPERATOR_BYTES <= slack and self._fits(trial):
                return trial
            failed.add((index, update))
            if self._is_spent():
                break
        return None

    def _evolve(self) -> None:
        """Take something out of the best scheme, fill the room with something else."""
        while not self._is_spent() and self._found:
            before = self._estimator.evaluations
            best = self._schemes()[0]
            if not any(True for _ in self._moves(best)):
                return
            victims = sorted(best)
            self._random.shuffle(victims)
            for victim in victims:
                trial = {i: u for i, u in best.items() if i != victim}
                if trial and self._estimator.arena(trial) < NEVER:
                    gain = self._keep(self._fill(trial, banned=victim))
                    if gain > expected_gain(self._gains, best) or self._is_spent():
                        break
            if self._estimator.evaluations == before:
                return


def last_layers_that_fit(layers: list[Layer], fits: Callable[[Scheme], bool]) -> Scheme | None:
    """The deepest last:K that fits; None if not even last:1 does. The arena grows with K."""
    low, high = 0, len(layers) + 1
    if fits(last(layers, len(layers))):
        return last(layers, len(layers))
    high = len(layers)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(last(layers, middle)):
            low = middle
        else:
            high = middle
    return last(layers, low) if low else None
