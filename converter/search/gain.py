"""Expected gain of an update scheme: what the search maximises.

The gain of a scheme is the sum over its layers of

    (F_1 + ... + F_k)^POWER                         for k trained channels
    F_bias^POWER * (1 - LEARNING_RATE * F_bias)     if the bias is trained,

where F is a Fisher information: the mean over samples of the squared gradient, which is the
first-order decrease of the loss that training this parameter brings. The power makes
the second half of a layer worth less than a first half elsewhere. The last factor tells that
an update overshoots where the gradient is too large for the learning rate: biases, whose steps
are not clamped as those of weights are, then do harm and are left alone.

With data, F is measured (`converter.search.measure`). Without, it is what F would be if
activations and gradients were alike in all layers: the gradient of a bias sums the gradients of
a channel, that of a weight sums their products with one input, so

    F_bias = 1,   F_j = fan_in / (INPUTS_PER_BIAS * channels).

Pointwise convolutions so gain more than depthwise ones, with few bytes for a slice of channels;
the first one of a block, which widens it, counts FIRST_POINTWISE times, as the experiments of
"On-Device Training Under 256KB Memory" (section 3.2) found, and the classifier HEAD times.
That late layers come first is left to the arena: each layer further from the loss costs more.

Chosen by experiment: 20 to 28 schemes of nearly equal arena, most of them drawn at random, were
trained for 1 to 3 epochs on three tasks (kws_ref_model on new words, kws_ref_model on its own
words reversed in time, vww_96_int8 on photographs of people). Spearman's rank correlation of the
predicted gain with the accuracy on test data:

    predictor                                  new words  reversed  people
    sum F                                           0.84      0.39    0.99
    sum |mean gradient|^2                           0.93      0.40    0.97
    sum sqrt(F)                                     0.92      0.37    0.98
    log det(1 + gradient kernel), not a sum         0.96      0.37    0.99
    number of trained weights                       0.54      0.70    0.62
    sum sqrt(F), biases times stability             0.92      0.72    0.99
    sum F^0.75, biases times stability              0.89      0.80    0.99
    sum F, biases times stability                   0.85      0.84    0.99

The root is what is used, though F^0.75 ranks better: it picks too few layers. Since none is
right on every task, trial trainings decide between the best schemes where there is data
(`converter.search.trials`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from converter.ir.layers import Layer
from converter.rules.rule import LayerUpdate
from converter.search.scheme import Scheme

# A bias weighs as much as so many inputs of a weight (measured: 4 to 10).
INPUTS_PER_BIAS = 6.0
# Chosen by experiment, see above.
POWER = 0.5
# Of a scheme that needs int8 gradients: deep ones lose a few points of accuracy by them.
INT8_WORTH = 0.8
# A usual one; what is stable does not depend on it closely.
LEARNING_RATE = 0.02
FIRST_POINTWISE = 2.0
HEAD = 4.0


@dataclasses.dataclass(frozen=True)
class LayerGain:
    """bias: gain of training the bias, negative if it does harm; weights: float64
    [channels + 1], gain of training the first k channels, not decreasing, 0 at k = 0."""

    bias: float
    weights: np.ndarray

    def of(self, update: LayerUpdate) -> float:
        return float(self.weights[update.channels]) + (self.bias if update.bias else 0.0)


Gains = Mapping[int, LayerGain]
"""Layer index -> gain; layers that cannot be trained are absent."""


def expected_gain(gains: Gains, scheme: Scheme) -> float:
    return sum(gains[i].of(update) for i, update in sorted(scheme.items()) if i in gains)


def layer_gain(bias: float, channels: np.ndarray) -> LayerGain:
    """From the Fisher information of the bias and of each channel."""
    total = np.concatenate(([0.0], np.cumsum(channels, dtype=np.float64)))
    stable = 1.0 - LEARNING_RATE * bias
    return LayerGain(float(bias**POWER * stable), total**POWER)


def best_update(layer: Layer, gains: Gains) -> LayerUpdate:
    """What the layer trains if bytes cost nothing."""
    has_bias = layer.bias is not None and gains[layer.index].bias >= 0.0
    return LayerUpdate(bias=has_bias, channels=layer.channels, of=layer.channels)


def structural_gains(layers: list[Layer]) -> Gains:
    """The gains without data."""
    return {layer.index: _structural(layer, layers) for layer in layers if layer.macs}


def _structural(layer: Layer, layers: list[Layer]) -> LayerGain:
    shape = layer.filter.shape
    depthwise = layer.op == "DEPTHWISE_CONV_2D"
    fan_in = int(np.prod(shape[1:3] if depthwise else shape[1:]))
    worth = 1.0
    if layer is layers[-1]:
        worth = HEAD
    elif _widens(layer):
        worth = FIRST_POINTWISE
    alive = 1.0 - layer.dead_channels / layer.shape[-1]
    every = worth * alive * fan_in / (INPUTS_PER_BIAS * layer.channels)
    bias = worth * alive if layer.bias is not None else 0.0
    return layer_gain(bias, np.full(layer.channels, every))


def _widens(layer: Layer) -> bool:
    """Whether it is the first pointwise convolution of an inverted bottleneck."""
    outputs, *taps, inputs = layer.filter.shape
    return layer.op == "CONV_2D" and set(taps) == {1} and outputs >= 2 * inputs
